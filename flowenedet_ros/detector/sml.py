"""Per-class statistics of the max logit (Standardized Max Logits, arXiv 2107.11264)."""

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from flowenedet_ros.detector.energies import sanitise
from flowenedet_ros.detector.errors import DetectorError

_IGNORED = 254  # labels from here up are void or outliers, never a class
_EMA = 0.01


class SmlStatistics(NamedTuple):
    """Mean and variance of the max logit by predicted class, float32 (C,)."""

    mean: Tensor
    variance: Tensor


class SmlEstimator:
    """Gather the statistics image by image, in the memory of a few numbers per class.

    :param classes: number of classes C.
    :param published: average image statistics with momentum 0.01 as FlowEneDet's code does;
        otherwise count every pixel once.
    :param pixels: which pixels count: those predicted rightly, or all that carry a class label as
        in the SML paper.
    :param shrinkage: pixels' worth of the all-class value mixed into each class, so that a class
        seldom seen does not get a variance of chance.
    """

    def __init__(
        self,
        classes: int,
        *,
        published: bool = False,
        pixels: Literal['correct', 'labelled'] = 'correct',
        shrinkage: float = 100.0,
    ) -> None:
        self._classes = classes
        self._published = published
        self._correct_only = pixels == 'correct'
        self._shrinkage = shrinkage
        self._count = torch.zeros(classes, dtype=torch.float64)
        self._mean = torch.zeros(classes, dtype=torch.float64)
        self._variance = torch.zeros(classes, dtype=torch.float64)

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Take in one batch.

        :param logits: (N, C, h, w); brought to the labels' size bilinearly where it differs.
        :param labels: integer (N, H, W); 254 and 255 are ignored.
        """
        clean = sanitise(logits)
        if clean.shape[2:] != labels.shape[1:]:
            clean = F.interpolate(
                clean, size=labels.shape[1:], mode='bilinear', align_corners=False
            )
        for image, label in zip(clean.cpu(), labels.cpu(), strict=True):
            value, predicted = image.max(dim=0)
            chosen = predicted == label if self._correct_only else label < _IGNORED
            self._add(value[chosen].double(), predicted[chosen])

    def _add(self, values: Tensor, classes: Tensor) -> None:
        """Merge the max logits of one image into the running statistics."""
        size = self._classes
        count = torch.bincount(classes, minlength=size).double()
        seen = count > 0
        mean = torch.bincount(classes, values, size) / count.clamp(min=1)
        deviation = (values - mean[classes]).square()
        variance = torch.bincount(classes, deviation, size) / count.clamp(min=1)
        if self._published:
            weight = torch.where(self._count > 0, _EMA, 1.0).double()
            variance = torch.lerp(self._variance, variance, weight)
        else:
            # Pairwise merge (Chan, Golub and LeVeque, 1979).
            weight = count / (self._count + count).clamp(min=1)
            between = weight * (1 - weight) * (mean - self._mean).square()
            variance = torch.lerp(self._variance, variance, weight) + between
        merged = torch.lerp(self._mean, mean, weight)
        self._mean = torch.where(seen, merged, self._mean)
        self._variance = torch.where(seen, variance, self._variance)
        self._count += count

    def statistics(self) -> SmlStatistics:
        """Return what has been gathered; a class never seen gets the all-class values.

        :raises DetectorError: no pixel was ever predicted rightly.
        """
        total = self._count.sum()
        if total == 0:
            raise DetectorError(
                'SML statistics need at least one rightly predicted pixel and got none; check that '
                'the labels use the class ids of the segmenter (see the label maps)'
            )
        share = self._count / total
        mean = (share * self._mean).sum()
        variance = (share * (self._variance + (self._mean - mean).square())).sum()
        own = (self._count > 0).double()
        if not self._published:
            own = self._count / (self._count + self._shrinkage)
        return SmlStatistics(
            torch.lerp(mean.expand_as(own), self._mean, own).float(),
            torch.lerp(variance.expand_as(own), self._variance, own).clamp(min=1e-4).float(),
        )
