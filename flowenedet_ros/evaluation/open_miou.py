"""Open-mIoU: the IoU of the known classes and of one more for what the detector sets aside.

As the FlowEneDet paper defines it for Cityscapes: where the prediction is wrong, void included,
the label becomes `unknown`; where the score passes a threshold, the prediction does; the mean is
over the known classes and `unknown`. A perfect detector reaches 1 whatever the segmenter's mIoU,
so it is not to be held against an mIoU, nor against the open-mIoU of other papers.
"""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from .histogram import BINS, RISING, Counts, Keys, key_counts, key_ranks, score_keys

_COARSER = 3
"""Bits dropped from the bins of `histogram`: 128 bins an octave are enough for a threshold."""
_BINS = BINS >> _COARSER
_OTHERS = (1 << _COARSER) - 1
"""Place of all groups but the seven largest."""
_RISING = RISING[:: 1 << _COARSER] >> np.uint16(_COARSER)


class OpenGroups:
    """The pixels of one frame by predicted class, right and wrong apart.

    Seven groups, a class's right or wrong pixels, hold most of a street. With all others as the
    eighth they fit before the coarse keys in 16 bits, which are counted several times faster than
    longer numbers; what is left for those are the pixels of the others.

    :param predicted: (H, W); ids beyond the classes are left out.
    :param wrong: (H, W) where the prediction is not the label, void taken in.
    """

    def __init__(
        self, predicted: NDArray[np.uint8], wrong: NDArray[np.bool_], classes: int
    ) -> None:
        # Ids beyond the classes share two groups, which are dropped in the end.
        self._rows = 2 * classes + 2
        right = 2 * np.minimum(np.arange(256), classes)
        # Which are the largest need not be exact.
        some = right[predicted[::8, ::8]] + wrong[::8, ::8]
        largest = np.argsort(np.bincount(some.ravel(), minlength=self._rows))
        self._largest = largest[-_OTHERS:]
        places = np.full(self._rows, _OTHERS * _BINS, np.uint16)
        places[self._largest] = np.arange(len(self._largest)) * _BINS
        self._places = cv2.LUT(predicted, places[right])
        cv2.copyTo(cv2.LUT(predicted, places[right + 1]), wrong.view(np.uint8), self._places)
        self._others = np.flatnonzero(self._places == _OTHERS * _BINS)
        rows = right[predicted.ravel()[self._others]] + wrong.ravel()[self._others]
        # Less the last place, which their coarse keys come with.
        self._first_bin = ((rows - _OTHERS) * _BINS).astype(np.int32)
        self._coarse = np.empty(predicted.shape, np.uint16)

    def counts(self, keys: Keys) -> Counts:
        """Count the coarse keys of each group, (2 * classes, bins).

        :param keys: (H, W), from `score_keys`.
        """
        np.right_shift(keys, _COARSER, out=self._coarse)
        np.bitwise_or(self._coarse, self._places, out=self._coarse)
        bins = self._first_bin + np.take(self._coarse, self._others)
        # Torch counts int32 as it is; NumPy would make int64 of it first.
        found = torch.bincount(torch.from_numpy(bins), minlength=self._rows * _BINS)
        counts: Counts = found.numpy().reshape(self._rows, _BINS)
        by_place = key_counts(self._coarse).reshape(-1, _BINS)
        counts[self._largest] += by_place[: len(self._largest)]
        return counts[:-2]


class OpenHistogram:
    """Scores per predicted class, right and wrong apart, so that any threshold can be asked for.

    :param counts: (2 * classes, bins), from `OpenGroups.counts`.
    """

    def __init__(self, counts: Counts) -> None:
        self.classes = len(counts) // 2
        """Number of known classes."""
        self._counts = counts

    def merge(self, other: 'OpenHistogram') -> None:
        """Add the counts of another histogram of the same classes."""
        self._counts += other._counts

    def iou(self, threshold: float) -> NDArray[np.float64]:
        """Return the IoU of each known class and, last, of `unknown`, at score >= threshold.

        The threshold is taken down to the least score of its bin. A class that does not occur
        has NaN.
        """
        edge = int(key_ranks(score_keys(np.array([threshold], np.float32)))[0]) >> _COARSER
        ranks, counts = self._occupied()
        kept = counts[:, ranks < edge].sum(axis=1).reshape(self.classes, 2)
        every = counts.sum(axis=1).reshape(self.classes, 2)
        right, wrong = every[:, 0], every[:, 1]
        known = _iou(kept[:, 0], right, kept.sum(axis=1))
        aside = every - kept
        unknown = _iou(aside[:, 1].sum(), wrong.sum(), aside.sum())
        return np.append(known, unknown)

    def mean_iou(self, threshold: float) -> float:
        """Return open-mIoU at a threshold."""
        iou = self.iou(threshold)
        return float(np.nanmean(iou)) if np.isfinite(iou).any() else float('nan')

    def _occupied(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the places of bins that hold pixels, from the least score up, and their counts."""
        used = np.asarray(self._counts.any(axis=0), np.bool_)
        ranks = np.flatnonzero(used[_RISING])
        return ranks, self._counts[:, _RISING[ranks]]

    def __getstate__(self) -> dict[str, object]:
        ranks, counts = self._occupied()
        return {'ranks': ranks, 'counts': counts}

    def __setstate__(self, state: dict[str, NDArray[np.int64]]) -> None:
        counts = np.zeros((len(state['counts']), _BINS), np.int64)
        counts[:, _RISING[state['ranks']]] = state['counts']
        self.__init__(counts)  # type: ignore[misc]


def _iou(
    both: NDArray[np.int64], label: NDArray[np.int64], predicted: NDArray[np.int64]
) -> NDArray[np.float64]:
    union = label + predicted - both
    return np.where(union > 0, both / np.maximum(union, 1), np.nan)
