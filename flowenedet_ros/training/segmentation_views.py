"""Labelled folders as an endless-by-epoch source of augmented training views."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, DistributedSampler

from flowenedet_ros.data.folder import Sample
from flowenedet_ros.training.augment import Augmentation


class Samples(Protocol):
    """Anything indexable that gives labelled pictures."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Sample: ...


class SegmentationViews(Dataset[tuple[Tensor, Tensor]]):
    """One augmented view of each picture of several sources an epoch.

    Views are numbered through all epochs: `epoch * len(views) + index`. A view depends only on the
    seed and its number, whatever the workers or processes, so that a resumed run sees what an
    unbroken one would have seen.
    """

    def __init__(
        self, sources: Sequence[Samples], augmentation: Augmentation, *, seed: int
    ) -> None:
        self.sources = list(sources)
        self.augmentation = augmentation
        self.seed = seed
        self._ends = np.cumsum([len(source) for source in self.sources])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        """Give an image uint8 (3, H, W) in RGB and its labels uint8 (H, W)."""
        epoch, index = divmod(number, len(self))
        source = int(np.searchsorted(self._ends, index, side='right'))
        start = int(self._ends[source - 1]) if source else 0
        sample = self.sources[source][index - start]
        rng = np.random.default_rng((self.seed, epoch, index))
        image, labels = self.augmentation(sample.image, sample.labels, rng)
        rgb = np.ascontiguousarray(image[:, :, ::-1].transpose(2, 0, 1))
        return torch.from_numpy(rgb), torch.from_numpy(labels)


class EpochSampler(DistributedSampler[int]):
    """A process's share of an epoch's views in random order, by their numbers."""

    def __iter__(self) -> Iterator[int]:
        """Give the numbers of the epoch last set."""
        start = self.epoch * len(self.dataset)  # type: ignore[arg-type]
        return (start + index for index in super().__iter__())


def count_pixels(sources: Sequence[Samples], num_classes: int) -> NDArray[np.int64]:
    """Count the labelled pixels of each class over at most 200 pictures of each source."""
    counts = np.zeros(256, np.int64)
    for source in sources:
        for index in range(0, len(source), max(1, len(source) // 200)):
            counts += np.bincount(source[index].labels.reshape(-1), minlength=256)
    return np.maximum(counts[:num_classes], 1)
