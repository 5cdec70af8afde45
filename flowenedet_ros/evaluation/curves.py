"""Everything that the report draws of one method on one set, small enough to keep."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.evaluation.counting import score_histogram
from flowenedet_ros.evaluation.engine import Engine
from flowenedet_ros.evaluation.histogram import Ranking, ScoreHistogram
from flowenedet_ros.evaluation.methods import PRODUCT
from flowenedet_ros.evaluation.rank_metrics import curve, is_defined
from flowenedet_ros.evaluation.reliability import Reliability, reliability, risk_coverage
from flowenedet_ros.evaluation.tally import Tally

_POINTS = 200
_BARS = 60


@dataclass(frozen=True)
class Curves:
    """Curves of one method.

    :param roc: (fpr, tpr) points.
    :param pr: (recall, precision) points.
    :param risk: (coverage, risk) points.
    :param bars: left edges and the parts of negatives and of positives in each bar.
    :param reliability: of scores that are rates, else None.
    """

    roc: NDArray[np.float64]
    pr: NDArray[np.float64]
    risk: NDArray[np.float64]
    bars: NDArray[np.float64]
    reliability: Reliability | None

    @property
    def ece(self) -> float | None:
        """Expected calibration error, None where the score is no rate."""
        return None if self.reliability is None else self.reliability.ece


def idm_curves(tally: Tally, method: str, engine: Engine) -> Curves | None:
    """Return the curves of misclassification, None where it was not measured."""
    score_map = engine.source.manifest.calibration.idm
    return _curves(tally, method, engine, 'idm', score_map.scale, score_map.offset)


def ood_curves(tally: Tally, method: str, engine: Engine) -> Curves | None:
    """Return the curves of OOD detection, None where it was not measured."""
    score_map = engine.source.manifest.calibration.ood
    return _curves(tally, method, engine, 'ood', score_map.scale, score_map.offset)


def _curves(
    tally: Tally, method: str, engine: Engine, kind: str, scale: float, offset: float
) -> Curves | None:
    histogram = score_histogram(tally, method, kind)
    if histogram is None:
        return None
    ranking = _ranking(histogram, kind)
    if ranking is None or not is_defined(ranking):
        return None
    rates = None
    if method == PRODUCT:
        rates = reliability(ranking.as_rates(scale, offset))
    elif engine.methods.rates(method):
        rates = reliability(ranking.as_rates())
    points = curve(ranking, _POINTS)
    kept = risk_coverage(ranking)
    some = np.unique(np.linspace(0, len(kept.coverage) - 1, _POINTS).astype(int))
    return Curves(
        np.array([points['fpr'], points['tpr']]),
        np.array([points['tpr'], points['precision']]),
        np.array([kept.coverage[some], kept.risk[some]]),
        _bars(ranking),
        rates,
    )


def _ranking(histogram: ScoreHistogram, kind: str) -> Ranking | None:
    positive = 'wrong' if kind == 'idm' else 'unknown'
    if positive not in histogram.groups:
        return None
    negatives: tuple[str, ...] = ('right',) if kind == 'idm' else ('known',)
    if kind == 'ood' and ('known' not in histogram.groups or not histogram.total('known')):
        negatives = tuple(name for name in ('right', 'wrong') if name in histogram.groups)
    return histogram.descending(positive, *negatives) if negatives else None


def _bars(ranking: Ranking) -> NDArray[np.float64]:
    """Bin both kinds evenly between the 0.1 % and the 99.9 % quantile of all scores."""
    scores = ranking.thresholds[::-1]
    mass = np.cumsum((ranking.positives + ranking.negatives)[::-1])
    low, high = (
        float(scores[np.searchsorted(mass, mass[-1] * part).clip(0, len(scores) - 1)])
        for part in (0.001, 0.999)
    )
    edges = np.linspace(low, high if high > low else low + 1, _BARS + 1)
    rows = [edges[:-1]]
    for counts in (ranking.negatives, ranking.positives):
        inside, _ = np.histogram(ranking.thresholds.clip(low, high), edges, weights=counts)
        rows.append(inside / max(1, counts.sum()))
    return np.array(rows)
