"""Confusion of labels and predictions, and the IoU that follows from it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.evaluation.histogram import key_counts


class Confusion:
    """Pixel counts (label, prediction) of `classes` classes; merges by addition."""

    def __init__(self, classes: int) -> None:
        self.counts = np.zeros((classes, classes), np.int64)
        self.missed = np.zeros(classes, np.int64)
        """Labelled pixels per class whose prediction is no class (255, unlabelled)."""

    def add(self, labels: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> None:
        """Count pixels; a pixel whose label is no class is left out."""
        classes = len(self.counts)
        # Both ids in the bytes of one number, the label in the upper one.
        pairs = np.asarray(cv2.merge([predicted, labels])).view('<u2')
        counts = key_counts(pairs).reshape(256, 256)
        self.counts += counts[:classes, :classes]
        self.missed += counts[:classes, classes:].sum(axis=1)

    def merge(self, other: 'Confusion') -> None:
        """Add the counts of another confusion of the same classes."""
        self.counts += other.counts
        self.missed += other.missed

    def iou(self) -> NDArray[np.float64]:
        """Return the IoU of each class; NaN for a class in neither labels nor predictions."""
        both = np.diag(self.counts)
        union = self.counts.sum(axis=0) + self.counts.sum(axis=1) + self.missed - both
        return np.where(union > 0, both / np.maximum(union, 1), np.nan)

    def mean_iou(self) -> float:
        """Return the mean IoU over the classes that occur; NaN if none does."""
        iou = self.iou()
        return float(np.nanmean(iou)) if np.isfinite(iou).any() else float('nan')

    def accuracy(self) -> float:
        """Return the part of labelled pixels that are predicted right."""
        total = int(self.counts.sum() + self.missed.sum())
        return float(np.trace(self.counts) / total) if total else float('nan')

    def error_rates(self) -> NDArray[np.float64]:
        """Return the part of each class's labelled pixels that are predicted wrong."""
        total = self.counts.sum(axis=1) + self.missed
        return np.where(total > 0, 1 - np.diag(self.counts) / np.maximum(total, 1), np.nan)
