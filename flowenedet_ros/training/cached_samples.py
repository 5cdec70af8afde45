"""Samples kept in memory after their first reading."""

from flowenedet_ros.data.folder import Sample
from flowenedet_ros.training.segmentation_views import Samples


class CachedSamples:
    """A source that reads each of its files once; for sets that fit in memory."""

    def __init__(self, source: Samples) -> None:
        self._source = source
        self._kept: dict[int, Sample] = {}

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> Sample:
        """Give a sample, from memory where it was read before."""
        if index not in self._kept:
            self._kept[index] = self._source[index]
        return self._kept[index]
