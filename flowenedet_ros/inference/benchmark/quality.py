"""AUROC, AP and FPR95 of a loaded model, so that nobody chooses a precision by its speed alone."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.data.classes import OUTLIER
from flowenedet_ros.data.folder import Sample
from flowenedet_ros.inference.model import Model


@dataclass(frozen=True)
class Quality:
    """Figures over all pixels at the logit stride; NaN where one side is missing."""

    auroc: float
    ap: float
    fpr95: float
    images: int


def idm_quality(model: Model, samples: Iterable[Sample]) -> Quality:
    """Tell errors from right pixels on road images with class ids."""
    scores, wrong, images = [], [], 0
    for sample in samples:
        perception = model.run(_seen(model, sample.image))
        shape = perception.idm_score.shape
        labels, predicted = nearest(sample.labels, shape), nearest(perception.labels, shape)
        known = labels < min(OUTLIER, len(model.manifest.classes))
        scores.append(perception.idm_score[known])
        wrong.append((labels != predicted)[known])
        images += 1
    return _quality(scores, wrong, images)


def ood_quality(model: Model, samples: Iterable[Sample]) -> Quality:
    """Tell outliers from the rest on images labelled 0, 1 (outlier) and 255 (ignored)."""
    scores, outlier, images = [], [], 0
    for sample in samples:
        perception = model.run(_seen(model, sample.image))
        labels = nearest(sample.labels, perception.ood_score.shape)
        counted = labels < 2
        scores.append(perception.ood_score[counted])
        outlier.append(labels[counted] == 1)
        images += 1
    return _quality(scores, outlier, images)


def _seen(model: Model, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return image if model.manifest.input.channel_order == 'bgr' else image[..., ::-1]


def nearest(labels: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Shrink a label map by taking the pixel in the middle of each cell."""
    rows = ((np.arange(shape[0]) + 0.5) * labels.shape[0] / shape[0]).astype(int)
    columns = ((np.arange(shape[1]) + 0.5) * labels.shape[1] / shape[1]).astype(int)
    small: NDArray[np.uint8] = labels[np.ix_(rows, columns)]
    return small


def _quality(
    scores: list[NDArray[np.float32]], positive: list[NDArray[np.bool_]], images: int
) -> Quality:
    return Quality(*rank_figures(np.concatenate(scores), np.concatenate(positive)), images)


def rank_figures(
    score: NDArray[np.float32], positive: NDArray[np.bool_]
) -> tuple[float, float, float]:
    """Return AUROC, AP (step sum) and FPR at the first threshold with TPR 0.95, exactly."""
    if positive.all() or not positive.any():
        return float('nan'), float('nan'), float('nan')
    order = np.argsort(-score, kind='stable')
    ranked = score[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    true = np.cumsum(positive[order])[last].astype(np.float64)
    false = last + 1 - true
    tpr, fpr = true / true[-1], false / false[-1]
    area = np.trapezoid(np.append(0, tpr), np.append(0, fpr))
    precision = true / (true + false)
    ap = float((np.diff(tpr, prepend=0.0) * precision).sum())
    return float(area), ap, float(fpr[np.searchsorted(tpr, 0.95)])
