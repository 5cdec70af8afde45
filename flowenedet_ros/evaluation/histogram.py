"""Histograms of scores that need no range in advance and merge without loss.

The bins are the float16 numbers: every octave from 6e-5 to 65504 has 1,024 of them, either sign,
so that two scores that share a bin differ by less than a thousandth of their size, whatever scale a
method uses. Counts are integers: any split of the pixels over processes and machines adds up to the
same histogram, to the last digit. What the bins may move a figure by is in `rank_metrics`.
"""

from collections.abc import Mapping
from functools import cached_property, reduce
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

BINS = 1 << 16
# OpenCV counts in float32, which is exact up to here; longer arrays are counted in pieces.
_EXACT = 1 << 24

Counts = NDArray[np.int64]
Keys = NDArray[np.uint16]


def score_keys(scores: NDArray[np.float32], into: Keys | None = None) -> Keys:
    """Return the bin of each score: the bits of its float16, which `key_ranks` sorts.

    :param scores: any shape, no NaN and no minus zero (see `methods.finite`).
    :param into: memory of that shape to use anew.
    """
    contiguous = np.ascontiguousarray(scores, np.float32).reshape(np.shape(scores))
    keys = np.empty(contiguous.shape, np.uint16) if into is None else into
    # Torch rounds to float16 many times faster than NumPy.
    torch.from_numpy(keys.view(np.float16)).copy_(torch.from_numpy(contiguous))
    return keys


def key_ranks(keys: Keys) -> NDArray[np.uint16]:
    """Return places of bins in the order of their scores, from the least score up."""
    bits = keys.view(np.int16)
    # Negative numbers sort backwards by their bits: turn all but the sign around.
    ordered = ((bits >> 15) & 0x7FFF) ^ bits
    ranks: NDArray[np.uint16] = ordered.view(np.uint16) ^ np.uint16(BINS // 2)
    return ranks


RISING = np.argsort(key_ranks(np.arange(BINS, dtype=np.uint16))).astype(np.uint16)
"""All bins from the least score up."""
NO_NUMBER = np.uint16(0xFC01)
"""A key with these bits set, the NaNs below zero, is that of no score."""


def bin_values(keys: Keys) -> NDArray[np.float64]:
    """Return the float16 number of each bin, to which its scores round."""
    return keys.view(np.float16).astype(np.float64)


def key_counts(keys: Keys) -> Counts:
    """Count how often each of the 65,536 keys occurs, (65536,)."""
    # OpenCV takes long over columns, which is what it sees in an array of one dimension.
    flat = np.ascontiguousarray(keys).reshape(1, -1)
    if flat.size < BINS:
        return np.bincount(flat[0], minlength=BINS)
    parts = (flat[:, start : start + _EXACT] for start in range(0, flat.size, _EXACT))
    first, *others = (
        cv2.calcHist([part], [0], None, [BINS], [0, BINS]).ravel().astype(np.int64)
        for part in parts
    )
    return sum(others, first)


def reaches(scores: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Tell which scores are in the threshold's bin or above it."""
    least = key_ranks(score_keys(np.array([threshold], np.float32)))
    passed: NDArray[np.bool_] = key_ranks(score_keys(scores)) >= least
    return passed


class ScoreHistogram:
    """Counts of scores per group, for instance of negatives and positives.

    That of one frame holds the bins that occur, a tenth of all; sums of frames hold every bin.

    :param groups: names of the groups.
    :param counts: what `key_counts` gave for groups; others are empty.
    """

    def __init__(self, groups: tuple[str, ...], counts: Mapping[str, Counts] | None = None) -> None:
        self.groups = groups
        given = dict(counts or {})
        total = reduce(np.add, given.values(), np.zeros(BINS, np.int64))
        self._ranks = np.flatnonzero(total[RISING])
        """(n,) places of the bins held among all, from the least score up."""
        self._counts = np.zeros((len(groups), self._ranks.size), np.int64)
        for group, of_group in given.items():
            self._counts[groups.index(group)] = of_group[RISING[self._ranks]]

    def merge(self, other: 'ScoreHistogram') -> None:
        """Add the counts of another histogram of the same groups."""
        if other.groups != self.groups:
            raise ValueError(f'cannot merge groups {other.groups} into {self.groups}')
        if self._ranks.size < BINS:
            self._counts = np.stack([self._dense(name) for name in self.groups])
            self._ranks = np.arange(BINS)
        for own, counts in zip(self._counts, other._counts, strict=True):
            own[other._ranks] += counts

    def descending(self, positive: str, *negative: str) -> 'Ranking':
        """Return one group against the sum of others, greatest score first."""
        return self.ranking((positive,), negative)

    def ranking(self, positive: tuple[str, ...], negative: tuple[str, ...]) -> 'Ranking':
        """Return the sum of some groups against the sum of others, greatest score first."""
        return self.rankings((positive, negative))[0]

    def rankings(self, *pairs: tuple[tuple[str, ...], tuple[str, ...]]) -> 'list[Ranking]':
        """Return what `ranking` does of several pairs, going through the bins once."""
        ranks, counts = self._occupied()
        values, falling = bin_values(RISING[ranks[::-1]]), counts[:, ::-1]
        return [_ranking(values, *(self._sum(falling, side) for side in pair)) for pair in pairs]

    def against(self, positive: str, other: 'ScoreHistogram', negative: str) -> 'Ranking':
        """Return one group against a group of another set of pictures, greatest score first."""
        values = bin_values(RISING[::-1])
        return _ranking(values, self._dense(positive)[::-1], other._dense(negative)[::-1])

    def _dense(self, group: str) -> Counts:
        """Return the counts of a group in all bins, from the least score up."""
        counts = np.zeros(BINS, np.int64)
        counts[self._ranks] = self._counts[self.groups.index(group)]
        return counts

    def _occupied(self) -> tuple[NDArray[np.intp], Counts]:
        """Return the places of bins that occur, from the least score up, and their counts."""
        if self._ranks.size < BINS:
            return self._ranks, self._counts
        used = np.flatnonzero(self._counts.sum(axis=0))
        return self._ranks[used], self._counts[:, used]

    def _sum(self, counts: Counts, names: tuple[str, ...]) -> Counts:
        total: Counts = counts[[self.groups.index(name) for name in names]].sum(axis=0)
        return total

    def total(self, group: str) -> int:
        """Return how many scores a group has."""
        return int(self._counts[self.groups.index(group)].sum())

    def __getstate__(self) -> dict[str, Any]:
        ranks, counts = self._occupied()
        return {'groups': self.groups, 'ranks': ranks.astype(np.uint16), 'n': counts}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.groups, self._counts = state['groups'], state['n']
        self._ranks = state['ranks'].astype(np.intp)


def _ranking(values: NDArray[np.float64], positives: Counts, negatives: Counts) -> 'Ranking':
    """Rank counts of bins of falling scores, leaving out those that neither has."""
    used = np.flatnonzero(positives + negatives)
    return Ranking(values[used], positives[used], negatives[used])


class Ranking:
    """Positives and negatives in bins of falling score; what rank metrics are computed from.

    :param thresholds: (n,) float16 number of each bin, falling.
    :param positives: (n,) counts.
    :param negatives: (n,) counts.
    """

    def __init__(
        self, thresholds: NDArray[np.float64], positives: Counts, negatives: Counts
    ) -> None:
        self.thresholds = thresholds
        self.positives = positives
        self.negatives = negatives

    def as_rates(self, scale: float = 1.0, offset: float = 0.0) -> 'Ranking':
        """Return the ranking of sigmoid(scale * score + offset), scale above zero."""
        odds = np.clip(self.thresholds * scale + offset, -700, 700)
        return Ranking(1 / (1 + np.exp(-odds)), self.positives, self.negatives)

    @cached_property
    def true_positives(self) -> Counts:
        """Positives in each bin and above."""
        return np.cumsum(self.positives)

    @cached_property
    def false_positives(self) -> Counts:
        """Negatives in each bin and above."""
        return np.cumsum(self.negatives)
