"""Narrow frames shown in pairs."""

import numpy as np

from flowenedet_ros.data.folder import Sample
from flowenedet_ros.training.segmentation_views import Samples

# Frames in a row look alike: the other one comes from elsewhere in the source.
_OFFSET = 0.28


class SideBySide:
    """Each sample beside another of the same source, as one wide picture.

    A camera much smaller than the network's input looks blurred to the network, and a detector
    fitted on it takes sharpness for something unknown. Two of its frames in one picture are
    enlarged half as much.

    :param source: of samples; one whose other has another height stands beside itself.
    """

    def __init__(self, source: Samples) -> None:
        self._source = source
        self._step = max(1, round(_OFFSET * len(source)))

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> Sample:
        """Give a sample, (H, 2W) where both are (H, W), under the name of the left one."""
        left = self._source[index]
        right = self._source[(index + self._step) % len(self)]
        if len(right.labels) != len(left.labels):
            right = left
        return Sample(
            np.hstack([left.image, right.image]),
            np.hstack([left.labels, right.labels]),
            left.name,
        )
