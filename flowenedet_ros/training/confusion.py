"""Confusion matrix and the intersection over union it gives."""

import numpy as np
from numpy.typing import NDArray


class Confusion:
    """Counts of (label, prediction) pairs; labels outside the classes are ignored."""

    def __init__(self, num_classes: int) -> None:
        self.counts: NDArray[np.int64] = np.zeros((num_classes, num_classes), np.int64)

    def add(self, labels: NDArray[np.integer], predictions: NDArray[np.integer]) -> None:
        """Count the pixels of two arrays of one shape."""
        classes = len(self.counts)
        known = (labels >= 0) & (labels < classes)
        pairs = labels[known].astype(np.int64) * classes + predictions[known]
        self.counts += np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)

    def iou(self) -> NDArray[np.float64]:
        """Intersection over union of each class, NaN where neither side has the class."""
        hits = np.diag(self.counts).astype(np.float64)
        union = self.counts.sum(0) + self.counts.sum(1) - hits
        iou = np.full_like(hits, np.nan)
        return np.asarray(np.divide(hits, union, out=iou, where=union > 0), np.float64)

    def miou(self) -> float:
        """Mean intersection over union of the classes that occur."""
        return float(np.nanmean(self.iou()))

    def accuracy(self) -> float:
        """Share of labelled pixels that are right."""
        return float(np.diag(self.counts).sum() / max(1, self.counts.sum()))
