"""An even choice of the pictures of a set."""

from typing import Any

from flowenedet_ros.data.folder import Sample
from flowenedet_ros.evaluation.frames import Samples


class EverySoMany:
    """An even choice of some pictures of a set.

    :param most: how many.
    """

    def __init__(self, samples: Samples, most: int) -> None:
        self._samples = samples
        count = min(most, len(samples))
        self._indices = [index * len(samples) // count for index in range(count)]

    @property
    def names(self) -> list[str]:
        """Names of the chosen pictures."""
        names = self._samples.names
        return [names[index] for index in self._indices]

    @property
    def pairs(self) -> list[Any] | None:
        """Files of the chosen pictures, None where the set has no plain files."""
        pairs = getattr(self._samples, 'pairs', None)
        return None if pairs is None else [pairs[index] for index in self._indices]

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> Sample:
        """Read one picture."""
        return self._samples[self._indices[index]]


def limited(samples: Samples, most: int | None) -> Samples:
    """Return all pictures, or an even choice of them."""
    return samples if most is None else EverySoMany(samples, most)
