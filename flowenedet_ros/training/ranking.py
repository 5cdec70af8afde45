"""Ranking figures of a score, exact, for the validation pixels of a training run."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Ranking(NamedTuple):
    """Area under the ROC curve, average precision and false-positive rate at 95 % recall."""

    auroc: float
    ap: float
    fpr95: float

    @property
    def merit(self) -> float:
        """All three in one figure, -1 to 2: two rankings may be equal in one of them by chance."""
        return self.auroc + self.ap - self.fpr95

    def __str__(self) -> str:
        return f'{self.auroc:.3f}/{self.ap:.3f}/{self.fpr95:.3f}'


def ranking(positive: NDArray[np.floating], negative: NDArray[np.floating]) -> Ranking:
    """Rank positives against negatives; ties count half.

    AP is the step sum, FPR95 is taken at the first threshold that reaches 95 % recall.
    All are NaN where one side is empty.
    """
    if not len(positive) or not len(negative):
        return Ranking(np.nan, np.nan, np.nan)
    scores = np.concatenate([positive, negative])
    order = np.argsort(-scores, kind='stable')
    last_of_tie = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    is_positive = order < len(positive)
    hits = np.cumsum(is_positive)[last_of_tie].astype(np.float64)
    false = last_of_tie + 1 - hits
    recall, fall_out = hits / len(positive), false / len(negative)
    precision = hits / (hits + false)
    before = np.concatenate([[0.0], recall[:-1]])
    area = np.trapezoid(np.concatenate([[0.0], recall]), np.concatenate([[0.0], fall_out]))
    reached = int(np.searchsorted(recall, 0.95))
    return Ranking(float(area), float(((recall - before) * precision).sum()), fall_out[reached])
