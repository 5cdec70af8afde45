"""From a segmenter's output to labels, calibrated scores and masks."""

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowenedet_ros.detector.base import Detector
from flowenedet_ros.detector.energies import sanitise
from flowenedet_ros.inference.manifest import ScoreMap
from flowenedet_ros.segmenters.interface import SegmenterOutput

Mode = Literal['mid', 'quarter']
IDENTITY = ScoreMap(scale=1.0, offset=0.0)
"""Scores are the plain sigmoid of the log-odds."""

_ON = 255.0


class Reading(NamedTuple):
    """Everything that is read out of one batch; the first six are the graph's outputs."""

    labels: Tensor
    """uint8 (N, H, W) at the network's input size."""
    idm_mask: Tensor
    """uint8 (N, H, W), 0 or 255."""
    ood_mask: Tensor
    """uint8 (N, H, W), 0 or 255."""
    idm_score: Tensor
    """float32 (N, h, w) in [0, 1]."""
    ood_score: Tensor
    """float32 (N, h, w) in [0, 1]."""
    nonfinite: Tensor
    """int32 (N,) pixels whose logits were replaced."""
    idm_raw: Tensor
    """float32 (N, h, w) log-odds before calibration."""
    ood_raw: Tensor
    """float32 (N, h, w) log-odds before calibration."""
    clean_logits: Tensor
    """float32 (N, C, h, w), all finite."""


class Readout(nn.Module):
    """Detector, calibration and decisions, which stay in float32 in every exported precision.

    :param size: (height, width) of the network's input, and of labels and masks.
    :param mode: `mid` decides at the network's input size from bilinearly enlarged logits and
        scores; `quarter` decides at the logit stride and enlarges the decisions, which is cheaper
        and leaves edges in steps of the stride.
    """

    idm_scale: Tensor
    idm_offset: Tensor
    ood_scale: Tensor
    ood_offset: Tensor

    def __init__(
        self,
        detector: Detector,
        size: tuple[int, int],
        mode: Mode = 'mid',
        idm: ScoreMap = IDENTITY,
        ood: ScoreMap = IDENTITY,
    ) -> None:
        super().__init__()
        self.detector = detector
        self.size = size
        self.mode = mode
        for task, score_map in (('idm', idm), ('ood', ood)):
            self.register_buffer(f'{task}_scale', torch.tensor(score_map.scale))
            self.register_buffer(f'{task}_offset', torch.tensor(score_map.offset))

    def forward(
        self, output: SegmenterOutput, idm_threshold: Tensor, ood_threshold: Tensor
    ) -> Reading:
        """Read one batch.

        :param idm_threshold: float32 (1,), score at and above which a pixel is in the mask.
        """
        # The detector does the same; equal nodes are merged at export.
        logits = sanitise(output.logits)
        found = self.detector(output)
        idm = torch.sigmoid(found.idm * self.idm_scale + self.idm_offset)
        ood = torch.sigmoid(found.ood * self.ood_scale + self.ood_offset)
        # A score that is no number must alarm, not vanish.
        idm = torch.where(torch.isnan(idm), 1.0, idm)
        ood = torch.where(torch.isnan(ood), 1.0, ood)
        decide = self._decide_large if self.mode == 'mid' else self._decide_small
        labels, idm_mask, ood_mask = decide(logits, idm, ood, idm_threshold, ood_threshold)
        return Reading(
            labels,
            idm_mask,
            ood_mask,
            idm,
            ood,
            found.nonfinite,
            found.idm,
            found.ood,
            logits,
        )

    def _decide_large(
        self, logits: Tensor, idm: Tensor, ood: Tensor, idm_threshold: Tensor, ood_threshold: Tensor
    ) -> tuple[Tensor, ...]:
        large = F.interpolate(logits, size=self.size, mode='bilinear', align_corners=False)
        scores = torch.stack([idm, ood], dim=1)
        scores = F.interpolate(scores, size=self.size, mode='bilinear', align_corners=False)
        return (
            large.argmax(dim=1).to(torch.uint8),
            _mask(scores[:, 0], idm_threshold).to(torch.uint8),
            _mask(scores[:, 1], ood_threshold).to(torch.uint8),
        )

    def _decide_small(
        self, logits: Tensor, idm: Tensor, ood: Tensor, idm_threshold: Tensor, ood_threshold: Tensor
    ) -> tuple[Tensor, ...]:
        labels = logits.argmax(dim=1).float()
        decisions = torch.stack(
            [labels, _mask(idm, idm_threshold), _mask(ood, ood_threshold)], dim=1
        )
        # Enlarged as floats: no runtime resizes uint8 everywhere.
        decisions = F.interpolate(decisions, size=self.size, mode='nearest')
        return tuple(decisions[:, i].to(torch.uint8) for i in range(3))


def _mask(score: Tensor, threshold: Tensor) -> Tensor:
    return (score >= threshold).float() * _ON
