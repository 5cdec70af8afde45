"""Histograms of scores that need no range in advance and merge without loss.

The bins are intervals of the float32 number line itself: a score's bin is the leading bits of its
bit pattern, put in the order of the numbers. Every octave has 8,192 bins, so that two scores that
share a bin differ by less than 1/8192 of their size, whatever scale a method uses. Counts are
integers: any split of the pixels over processes adds up to the same histogram.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MANTISSA_BITS = 13
"""log2 of the bins per octave."""
_SHIFT = 23 - MANTISSA_BITS
BINS = 1 << (32 - _SHIFT)
"""Bins from minus to plus infinity; only those in use take memory."""

Counts = NDArray[np.int64]


def score_keys(scores: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Return the bin of each score; greater scores never have lesser bins.

    :param scores: any shape, no NaN (give NaN a place first: see `methods.finite`).
    """
    # Adding zero turns -0.0 into 0.0, its equal, which must share its bin.
    bits = (np.asarray(scores, np.float32) + np.float32(0)).view(np.uint32)
    flip = (bits.view(np.int32) >> 31).view(np.uint32) | np.uint32(0x80000000)
    keys: NDArray[np.uint32] = (bits ^ flip) >> np.uint32(_SHIFT)
    return keys


def bin_edges(keys: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """Return the least score of each bin, so that `score >= edge` takes the bin in."""
    ordered = keys.astype(np.uint32) << np.uint32(_SHIFT)
    positive = ordered >= np.uint32(0x80000000)
    bits = np.where(positive, ordered ^ np.uint32(0x80000000), ~ordered)
    edges = bits.view(np.float32)
    # The bin of minus infinity begins among the bit patterns that are no numbers.
    return np.where(np.isnan(edges), -np.inf, edges).astype(np.float64)


class ScoreHistogram:
    """Counts of scores per group, for instance of negatives and positives.

    :param groups: names of the groups; the order is that of `counts`.
    """

    def __init__(self, groups: tuple[str, ...]) -> None:
        self.groups = groups
        # Zeros are mapped lazily: 33 MB of address space a group, memory for the bins in use.
        self._counts = np.zeros((len(groups), BINS), np.int64)

    def add(self, group: str, scores: NDArray[np.float32]) -> None:
        """Count scores of one group, any shape."""
        if scores.size == 0:
            return
        keys = score_keys(scores).ravel()
        lowest = int(keys.min())
        counts = np.bincount(keys - np.uint32(lowest))
        self._counts[self.groups.index(group), lowest : lowest + len(counts)] += counts

    def merge(self, other: 'ScoreHistogram') -> None:
        """Add the counts of another histogram of the same groups."""
        if other.groups != self.groups:
            raise ValueError(f'cannot merge groups {other.groups} into {self.groups}')
        keys, counts = other.occupied()
        self._counts[:, keys] += counts

    def occupied(self) -> tuple[NDArray[np.int64], Counts]:
        """Return the bins in use in rising order and the counts (groups, bins) in them."""
        keys = np.flatnonzero(self._counts.any(axis=0))
        return keys, self._counts[:, keys]

    def descending(self, positive: str, *negative: str) -> 'Ranking':
        """Return positives against the sum of negative groups, greatest score first."""
        keys, counts = self.occupied()
        rows = [self.groups.index(name) for name in negative]
        return Ranking(
            bin_edges(keys)[::-1],
            counts[self.groups.index(positive), ::-1],
            counts[rows, ::-1].sum(axis=0),
        )

    def total(self, group: str) -> int:
        """Return how many scores a group has."""
        return int(self._counts[self.groups.index(group)].sum())

    def __getstate__(self) -> Mapping[str, Any]:
        keys, counts = self.occupied()
        return {'groups': self.groups, 'keys': keys.astype(np.uint32), 'counts': counts}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.groups = state['groups']
        self._counts = np.zeros((len(self.groups), BINS), np.int64)
        self._counts[:, state['keys']] = state['counts']


class Ranking:
    """Positives and negatives in bins of falling score; what rank metrics are computed from.

    :param thresholds: (n,) least score of each bin, falling.
    :param positives: (n,) counts.
    :param negatives: (n,) counts.
    """

    def __init__(
        self, thresholds: NDArray[np.float64], positives: Counts, negatives: Counts
    ) -> None:
        used = (positives + negatives) > 0
        self.thresholds = thresholds[used]
        self.positives = positives[used]
        self.negatives = negatives[used]

    @property
    def true_positives(self) -> Counts:
        """Positives at or above each threshold."""
        return np.cumsum(self.positives)

    @property
    def false_positives(self) -> Counts:
        """Negatives at or above each threshold."""
        return np.cumsum(self.negatives)
