"""Histograms of scores that need no range in advance and merge without loss.

The bins are intervals of the float32 number line itself: a score's bin is the leading bits of its
bit pattern, put in the order of the numbers. Every octave has 8,192 bins, so that two scores that
share a bin differ by less than 1/8192 of their size, whatever scale a method uses. Counts are
integers: any split of the pixels over processes and machines adds up to the same histogram, to the
last digit. What the bins may move a figure by is in `rank_metrics`.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

MANTISSA_BITS = 13
"""log2 of the bins per octave."""
_SHIFT = 23 - MANTISSA_BITS
BINS = 1 << (32 - _SHIFT)
"""Bins from minus to plus infinity; only those in use take memory."""
# A key is a page (its upper bits) and a place on it (its lower 16). The scores of a method lie on a
# few pages, and OpenCV counts 16-bit numbers many times faster than NumPy counts larger ones.
_PAGE_BITS = 16
_PAGE = 1 << _PAGE_BITS
# OpenCV counts in float32, which is exact up to here; longer arrays are counted in pieces.
_EXACT = 1 << 24
# Small enough that the passes over a block stay in the cache.
_BLOCK = 1 << 16

Counts = NDArray[np.int64]
Keys = NDArray[np.uint32]


def score_keys(scores: NDArray[np.float32]) -> Keys:
    """Return the bin of each score; greater scores never have lesser bins.

    :param scores: any shape, no NaN (give NaN a place first: see `methods.finite`).
    """
    flat = np.ascontiguousarray(scores, np.float32).ravel()
    keys = np.empty(flat.shape, np.int32)
    clean = np.empty(_BLOCK, np.float32)
    flip = np.empty(_BLOCK, np.int32)
    for start in range(0, len(flat), _BLOCK):
        block = slice(start, start + _BLOCK)
        size = len(flat[block])
        # Adding zero turns -0.0 into 0.0, its equal, which must share its bin.
        bits = np.add(flat[block], np.float32(0), out=clean[:size]).view(np.int32)
        # Negative numbers sort backwards by their bits: turn all but the sign around.
        sign = np.right_shift(bits, 31, out=flip[:size])
        np.bitwise_and(sign, 0x7FFFFFFF, out=sign)
        np.bitwise_xor(bits, sign, out=sign)
        np.right_shift(sign, _SHIFT, out=sign)
        np.add(sign, BINS // 2, out=keys[block])
    return keys.view(np.uint32).reshape(np.shape(scores))


def bin_edges(keys: NDArray[Any]) -> NDArray[np.float64]:
    """Return the least score of each bin, so that `score >= edge` takes the bin in."""
    ordered = keys.astype(np.uint32) << np.uint32(_SHIFT)
    positive = ordered >= np.uint32(0x80000000)
    bits = np.where(positive, ordered ^ np.uint32(0x80000000), ~ordered)
    edges = bits.view(np.float32)
    # The bin of minus infinity begins among the bit patterns that are no numbers.
    return np.where(np.isnan(edges), -np.inf, edges).astype(np.float64)


class ScoreHistogram:
    """Counts of scores per group, for instance of negatives and positives.

    :param groups: names of the groups.
    """

    def __init__(self, groups: tuple[str, ...]) -> None:
        self.groups = groups
        self._pages: dict[int, Counts] = {}

    def add(self, group: str, keys: Keys) -> None:
        """Count scores of one group.

        :param keys: of the scores, from `score_keys`, any shape.
        """
        flat = np.ascontiguousarray(keys).ravel()
        row = self.groups.index(group)
        for start in range(0, len(flat), _EXACT):
            part = flat[start : start + _EXACT]
            page_of = (part >> np.uint32(_PAGE_BITS)).astype(np.uint8)
            pages = np.flatnonzero(_count(page_of, 256)).tolist()
            for page in pages:
                here = part if len(pages) == 1 else part[page_of == page]
                self._page(page)[row] += _count(here.astype(np.uint16), _PAGE)

    def merge(self, other: 'ScoreHistogram') -> None:
        """Add the counts of another histogram of the same groups."""
        if other.groups != self.groups:
            raise ValueError(f'cannot merge groups {other.groups} into {self.groups}')
        for page, counts in other._pages.items():
            self._page(page)[:] += counts

    def occupied(self) -> tuple[NDArray[np.int64], Counts]:
        """Return the bins in use in rising order and the counts (groups, bins) in them."""
        keys, counts = [np.zeros(0, np.int64)], [np.zeros((len(self.groups), 0), np.int64)]
        for page, here in sorted(self._pages.items()):
            used = np.flatnonzero(here.any(axis=0))
            keys.append(used + page * _PAGE)
            counts.append(here[:, used])
        return np.concatenate(keys), np.concatenate(counts, axis=1)

    def descending(self, positive: str, *negative: str) -> 'Ranking':
        """Return one group against the sum of others, greatest score first."""
        return self.ranking((positive,), negative)

    def ranking(self, positive: tuple[str, ...], negative: tuple[str, ...]) -> 'Ranking':
        """Return the sum of some groups against the sum of others, greatest score first."""
        keys, counts = self.occupied()
        positives, negatives = (
            counts[[self.groups.index(name) for name in names]].sum(axis=0)
            for names in (positive, negative)
        )
        used = np.flatnonzero(positives + negatives)[::-1]
        return Ranking(bin_edges(keys[used]), positives[used], negatives[used])

    def total(self, group: str) -> int:
        """Return how many scores a group has."""
        row = self.groups.index(group)
        return sum(int(counts[row].sum()) for counts in self._pages.values())

    def _page(self, page: int) -> Counts:
        if page not in self._pages:
            self._pages[page] = np.zeros((len(self.groups), _PAGE), np.int64)
        return self._pages[page]

    def __getstate__(self) -> dict[str, Any]:
        keys, counts = self.occupied()
        return {'groups': self.groups, 'keys': keys.astype(np.uint32), 'counts': counts}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.groups = state['groups']
        self._pages = {}
        keys = state['keys'].astype(np.int64)
        for page in np.unique(keys // _PAGE).tolist():
            here = keys // _PAGE == page
            self._page(page)[:, keys[here] % _PAGE] = state['counts'][:, here]


def _count(numbers: NDArray[Any], bins: int) -> Counts:
    return cv2.calcHist([numbers], [0], None, [bins], [0, bins]).ravel().astype(np.int64)


class Ranking:
    """Positives and negatives in bins of falling score; what rank metrics are computed from.

    :param thresholds: (n,) least score of each bin, falling.
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

    @property
    def true_positives(self) -> Counts:
        """Positives in each bin and above."""
        return np.cumsum(self.positives)

    @property
    def false_positives(self) -> Counts:
        """Negatives in each bin and above."""
        return np.cumsum(self.negatives)
