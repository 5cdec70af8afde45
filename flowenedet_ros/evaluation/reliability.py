"""Whether a score in [0, 1] is the rate of what it announces, and what setting pixels aside buys.

All figures come from a `Ranking`, whose positives are the errors (or the unknown pixels).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .histogram import Ranking

RELIABILITY_BINS = 15


@dataclass(frozen=True)
class Reliability:
    """Observed against announced rates in equal bins of the score.

    :param announced: (15,) mean score of each bin, NaN where empty.
    :param observed: (15,) part of positives in each bin, NaN where empty.
    :param pixels: (15,) pixels in each bin.
    :param ece: expected calibration error, the mean gap weighted by pixels (Naeini et al., 2015).
    :param mce: the greatest gap.
    """

    announced: NDArray[np.float64]
    observed: NDArray[np.float64]
    pixels: NDArray[np.int64]
    ece: float
    mce: float


def reliability(ranking: Ranking) -> Reliability | None:
    """Return the reliability of a score, or None where it is no rate: outside [0, 1], or empty.

    Means of scores are off by at most one part in 2,048, half a bin of the histogram.
    """
    scores = ranking.thresholds
    if not scores.size or scores[-1] < 0 or scores[0] > 1:
        return None
    bins = np.minimum((scores * RELIABILITY_BINS).astype(int), RELIABILITY_BINS - 1)
    pixels = ranking.positives + ranking.negatives
    count = _sum(bins, pixels)
    with np.errstate(invalid='ignore', divide='ignore'):
        announced = _sum(bins, pixels * scores) / count
        observed = _sum(bins, ranking.positives) / count
    gap = np.abs(announced - observed)
    ece = float(np.nansum(gap * count) / count.sum())
    return Reliability(announced, observed, count.astype(np.int64), ece, float(np.nanmax(gap)))


def _sum(bins: NDArray[np.int64], values: NDArray[np.generic]) -> NDArray[np.float64]:
    weights = values.astype(np.float64)
    return np.bincount(bins, weights, minlength=RELIABILITY_BINS).astype(np.float64)


@dataclass(frozen=True)
class RiskCoverage:
    """Error rate of the pixels that are kept, over how many are.

    :param coverage: (n,) part of pixels kept, rising.
    :param risk: (n,) part of positives among those kept.
    :param aurc: area under the curve, the mean risk over all coverages (Geifman et al., 2019).
    """

    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]
    aurc: float


def risk_coverage(ranking: Ranking) -> RiskCoverage:
    """Keep pixels from the least score up; pixels of one bin are kept together."""
    pixels = (ranking.positives + ranking.negatives)[::-1]
    kept = np.cumsum(pixels)
    if not kept.size:
        empty = np.zeros(0)
        return RiskCoverage(empty, empty, float('nan'))
    risk = np.cumsum(ranking.positives[::-1]) / kept
    aurc = float((risk * pixels).sum() / kept[-1])
    return RiskCoverage(kept / kept[-1], risk, aurc)
