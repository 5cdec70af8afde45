"""Share of false alarms by threshold, image by image, in bounded memory."""

import numpy as np
from numpy.typing import NDArray

BINS = 16384
_LIMIT = 18.0
"""Scores nearer to 0 or 1 than sigmoid(18) are one in float32."""


def bin_of(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the bin of each score in [0, 1]; bins are equal steps of its log-odds."""
    with np.errstate(divide='ignore'):
        odds = np.log(scores.astype(np.float64)) - np.log1p(-scores.astype(np.float64))
    place = (np.clip(odds, -_LIMIT, _LIMIT) + _LIMIT) / (2 * _LIMIT) * (BINS - 1)
    whole: NDArray[np.int64] = np.floor(place).astype(np.int64)
    return whole


def edges() -> NDArray[np.float64]:
    """Return the least score of each bin: a threshold there takes the whole bin in."""
    odds = np.arange(BINS) / (BINS - 1) * 2 * _LIMIT - _LIMIT
    least = 1 / (1 + np.exp(-odds))
    least[0], least[-1] = 0.0, 1.0
    return least


class FalseAlarmCurves:
    """For each unit, an image or a sequence, the share of its sound pixels above each threshold.

    :param units: names, in the order in which they were first seen.
    """

    def __init__(self) -> None:
        self._counts: dict[str, NDArray[np.int64]] = {}

    def add(self, unit: str, scores: NDArray[np.float32]) -> None:
        """Count the scores of pixels that should raise no alarm."""
        if scores.size == 0:
            return
        counts = self._counts.setdefault(unit, np.zeros(BINS, np.int64))
        counts += np.bincount(bin_of(scores).ravel(), minlength=BINS)

    @property
    def units(self) -> int:
        """How many images or sequences have sound pixels."""
        return len(self._counts)

    def rates(self) -> NDArray[np.float64]:
        """Return false-alarm rates, (units, BINS + 1) falling along the thresholds.

        Column i is the share of scores in bin i or above, the last column zero.
        """
        counts = np.stack(list(self._counts.values())).astype(np.float64)
        above = np.cumsum(counts[:, ::-1], axis=1)[:, ::-1] / counts.sum(axis=1, keepdims=True)
        return np.concatenate([above, np.zeros((len(above), 1))], axis=1)
