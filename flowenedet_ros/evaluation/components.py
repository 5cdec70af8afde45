"""Component metrics of SegmentMeIfYouCan (Chan et al., NeurIPS D&B 2021, section 3.2).

Components are 8-connected. A ground-truth component's sIoU is its intersection with the predicted
components that touch it, over their union, in which pixels that those components share with other
ground truth do not count. A predicted component's PPV is the part of it on ground truth. F1 at t
counts sIoU >= t as found and PPV < t as false, and is averaged over t = 0.25, 0.30 ... 0.75.
"""

from dataclasses import dataclass, field
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

THRESHOLDS = np.linspace(0.25, 0.75, 11)
_UNIT = 1 << 40
"""Fractions are summed as whole multiples of 1/_UNIT: the sum does not depend on the order."""


@dataclass(frozen=True)
class SizeLimits:
    """Least pixels of a component that counts.

    :param predicted: smaller predictions are dropped.
    :param truth: smaller ground truth is ignored, its pixels too.
    """

    predicted: int
    truth: int


TRACK_LIMITS = MappingProxyType({'anomaly': SizeLimits(500, 100), 'obstacle': SizeLimits(50, 10)})
"""What the benchmark's owners use on each track."""


@dataclass
class ComponentTally:
    """Sums over frames; merges by addition without rounding."""

    truths: int = 0
    predictions: int = 0
    siou_units: int = 0
    ppv_units: int = 0
    found: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(THRESHOLDS), np.int64))
    false: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(THRESHOLDS), np.int64))

    def add(
        self, predicted: NDArray[np.bool_], labels: NDArray[np.uint8], limits: SizeLimits
    ) -> None:
        """Compare one frame.

        :param predicted: (H, W) thresholded score.
        :param labels: (H, W) 0 in-distribution, 1 OOD, anything else ignored.
        """
        siou, ppv = component_scores(predicted, labels, limits)
        self.truths += len(siou)
        self.predictions += len(ppv)
        self.siou_units += sum(round(value * _UNIT) for value in siou.tolist())
        self.ppv_units += sum(round(value * _UNIT) for value in ppv.tolist())
        self.found += (siou[:, None] >= THRESHOLDS).sum(axis=0)
        self.false += (ppv[:, None] < THRESHOLDS).sum(axis=0)

    def merge(self, other: 'ComponentTally') -> None:
        """Add the sums of other frames."""
        self.truths += other.truths
        self.predictions += other.predictions
        self.siou_units += other.siou_units
        self.ppv_units += other.ppv_units
        self.found += other.found
        self.false += other.false

    def figures(self) -> dict[str, float]:
        """Return `siou`, `ppv`, `f1` (mean over thresholds) and `f1_25`, `f1_50`, `f1_75`."""
        missed = self.truths - self.found
        whole = 2 * self.found + missed + self.false
        f1 = np.where(whole > 0, 2 * self.found / np.maximum(whole, 1), np.nan)
        return {
            'siou': _mean(self.siou_units, self.truths),
            'ppv': _mean(self.ppv_units, self.predictions),
            'f1': float(f1.mean()),
            'f1_25': float(f1[0]),
            'f1_50': float(f1[5]),
            'f1_75': float(f1[10]),
        }


def _mean(units: int, count: int) -> float:
    return units / _UNIT / count if count else float('nan')


def component_scores(
    predicted: NDArray[np.bool_], labels: NDArray[np.uint8], limits: SizeLimits
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return sIoU of each ground-truth component and PPV of each predicted one in a frame."""
    truth = _components(labels == 1, 0)
    answer = _components(predicted & (labels <= 1), limits.predicted)
    sizes = np.bincount(truth.ravel())
    small = np.flatnonzero(sizes < limits.truth)
    evaluated = (labels <= 1) & ~np.isin(truth, small[small > 0])
    overlap = _overlap(truth[evaluated], answer[evaluated])
    truth_sizes, answer_sizes = overlap.sum(axis=1), overlap.sum(axis=0)
    on_truth = overlap[1:].sum(axis=0)
    siou = []
    for index in np.flatnonzero(truth_sizes[1:]) + 1:
        touching = np.flatnonzero(overlap[index, 1:]) + 1
        shared = int(overlap[index, touching].sum())
        elsewhere = int(on_truth[touching].sum()) - shared
        union = int(answer_sizes[touching].sum()) + int(truth_sizes[index]) - shared - elsewhere
        siou.append(shared / union)
    present = np.flatnonzero(answer_sizes[1:]) + 1
    ppv = on_truth[present] / answer_sizes[present]
    return np.array(siou, np.float64), ppv.astype(np.float64)


def _components(mask: NDArray[np.bool_], least: int) -> NDArray[np.int32]:
    """Number 8-connected components from 1, those under `least` pixels left out."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    keep = stats[:, cv2.CC_STAT_AREA] >= least
    keep[0] = False
    numbers = np.where(keep, np.cumsum(keep), 0).astype(np.int32)
    renumbered: NDArray[np.int32] = numbers[labels]
    return renumbered


def _overlap(truth: NDArray[np.int32], answer: NDArray[np.int32]) -> NDArray[np.int64]:
    """Count pixels of each pair of components, background as 0."""
    rows, columns = int(truth.max(initial=0)) + 1, int(answer.max(initial=0)) + 1
    pairs = truth.astype(np.int64) * columns + answer
    return np.bincount(pairs, minlength=rows * columns).reshape(rows, columns)
