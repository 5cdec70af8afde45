"""AUROC, average precision and FPR at 95 % TPR from a ranking, each with its error bound.

Scores that share a bin count as tied. The bound says by how much the figure of unbinned scores can
differ: it is computed from the bins that hold several scores, so it holds for the data at hand.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .histogram import Ranking

RANKS = ('auroc', 'ap', 'fpr95')
"""The three figures of every table."""
TPR_TARGET = 0.95


@dataclass(frozen=True)
class Figure:
    """One figure in [0, 1] and the most by which binning may have moved it; NaN if undefined."""

    value: float
    error: float


UNDEFINED = Figure(float('nan'), float('nan'))


def is_defined(ranking: Ranking) -> bool:
    """Tell whether both positives and negatives are there."""
    return bool(ranking.positives.any() and ranking.negatives.any())


def auroc(ranking: Ranking) -> Figure:
    """Return the area under the ROC curve: P(positive above negative), ties count half."""
    if not is_defined(ranking):
        return UNDEFINED
    positives = ranking.positives.astype(np.float64)
    negatives = ranking.negatives.astype(np.float64)
    pairs = positives.sum() * negatives.sum()
    above = np.cumsum(positives) - positives
    tied = float((positives * negatives).sum()) / 2
    return Figure((float((negatives * above).sum()) + tied) / pairs, tied / pairs)


def average_precision(ranking: Ranking) -> Figure:
    """Return the step sum of precision over recall, as scikit-learn, Fishyscapes and SMIYC do."""
    if not is_defined(ranking):
        return UNDEFINED
    exact = _steps(ranking)
    positives = ranking.positives.astype(np.float64)
    true = ranking.true_positives.astype(np.float64)
    alarms = true + ranking.false_positives
    total = true[-1]
    value = float(exact.sum()) / total
    before = true - positives
    first = _precision_sum(before, alarms - positives, positives, upper=False)
    last = _precision_sum(before, alarms - positives - ranking.negatives, positives, upper=True)
    shared = ranking.positives + ranking.negatives > 1
    low = float(np.where(shared, first, exact).sum()) / total
    high = float(np.where(shared, last, exact).sum()) / total
    return Figure(value, max(value - low, high - value, 0.0))


def _steps(ranking: Ranking) -> NDArray[np.float64]:
    """Return the positives of each bin times the precision there."""
    true = ranking.true_positives
    precision: NDArray[np.float64] = true / (true + ranking.false_positives)
    return ranking.positives * precision


def _precision_sum(
    true: NDArray[np.float64],
    alarms: NDArray[np.float64],
    positives: NDArray[np.float64],
    *,
    upper: bool,
) -> NDArray[np.float64]:
    """Bound the sum of (true + j) / (alarms + j) over j = 1..positives by its integral."""
    shift = 1.0 if upper else 0.0
    start = np.maximum(alarms + shift, 0.5)
    return positives - (alarms - true) * np.log1p(positives / start)


def fpr_at_tpr(ranking: Ranking, target: float = TPR_TARGET) -> Figure:
    """Return the false-positive rate at the first threshold whose TPR reaches the target."""
    if not is_defined(ranking):
        return UNDEFINED
    true = ranking.true_positives
    index = int(np.searchsorted(true / true[-1], target))
    false = ranking.false_positives
    return Figure(float(false[index] / false[-1]), float(ranking.negatives[index] / false[-1]))


def best_f1(ranking: Ranking) -> tuple[float, float]:
    """Return the greatest F1 over all thresholds and its threshold, for `histogram.reaches`."""
    if not ranking.positives.any():
        return float('nan'), float('nan')
    true = ranking.true_positives.astype(np.float64)
    f1 = 2 * true / (true + ranking.false_positives + true[-1])
    index = int(np.argmax(f1))
    return float(f1[index]), float(ranking.thresholds[index])


def threshold_at_fpr(ranking: Ranking, rate: float) -> float:
    """Return the least threshold whose false-positive rate is at most `rate`; inf if none."""
    false = ranking.false_positives
    if not ranking.negatives.any():
        return float('nan')
    allowed = np.flatnonzero(false / false[-1] <= rate)
    return float(ranking.thresholds[allowed[-1]]) if allowed.size else float('inf')


def rank_figures(ranking: Ranking) -> dict[str, float]:
    """Return the three figures of every table and their bounds as plain numbers."""
    every = auroc(ranking), average_precision(ranking), fpr_at_tpr(ranking)
    figures = dict(zip(RANKS, every, strict=True))
    values = {name: figure.value for name, figure in figures.items()}
    return values | {f'{name}_error': figure.error for name, figure in figures.items()}


def rank_values(ranking: Ranking) -> dict[str, float]:
    """Return the three figures alone, for less: the bound of AP takes twice as long as AP."""
    ap = float('nan')
    if is_defined(ranking):
        ap = float(_steps(ranking).sum()) / int(ranking.positives.sum())
    return dict(zip(RANKS, (auroc(ranking).value, ap, fpr_at_tpr(ranking).value), strict=True))


def curve(ranking: Ranking, points: int = 256) -> dict[str, list[float]]:
    """Return ROC and PR points for drawing: `tpr`, `fpr`, `precision`, at most `points` each.

    Points are spread over the length of the ROC curve, so that steep parts keep their shape.
    """
    if not is_defined(ranking):
        return {'tpr': [], 'fpr': [], 'precision': []}
    true = np.concatenate([[0], ranking.true_positives])
    false = np.concatenate([[0], ranking.false_positives])
    tpr, fpr = true / true[-1], false / false[-1]
    # The logarithm keeps the left edge, where rare positives are decided.
    travelled = tpr + fpr + np.log10(fpr + 1e-6) / 6 + 1
    wanted = np.linspace(travelled[0], travelled[-1], points)
    index = np.unique(np.searchsorted(travelled, wanted).clip(0, len(tpr) - 1))
    # Nothing is alarmed at the first point, where precision takes the value of the next.
    alarmed = np.maximum(index, 1)
    precision = true[alarmed] / (true[alarmed] + false[alarmed])
    return {
        'tpr': tpr[index].tolist(),
        'fpr': fpr[index].tolist(),
        'precision': precision.tolist(),
    }
