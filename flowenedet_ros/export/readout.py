"""From a segmenter's output to labels, calibrated scores and masks."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from flowenedet_ros.detector.base import Detector
from flowenedet_ros.detector.energies import sanitise
from flowenedet_ros.export.decisions import Mode, decisions
from flowenedet_ros.inference.manifest import ScoreMap
from flowenedet_ros.segmenters.interface import SegmenterOutput

IDENTITY = ScoreMap(scale=1.0, offset=0.0)
"""Scores are the plain sigmoid of the log-odds."""


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
    :param stride: of the logits.
    :param mode: see `decisions`.
    """

    idm_scale: Tensor
    idm_offset: Tensor
    ood_scale: Tensor
    ood_offset: Tensor

    def __init__(
        self,
        detector: Detector,
        size: tuple[int, int],
        stride: int,
        mode: Mode = 'mid',
        idm: ScoreMap = IDENTITY,
        ood: ScoreMap = IDENTITY,
    ) -> None:
        super().__init__()
        self.detector = detector
        self.decide = decisions(mode, size, stride)
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
        # Both tasks in one tensor: half as many small kernels.
        idm = found.idm * self.idm_scale + self.idm_offset
        ood = found.ood * self.ood_scale + self.ood_offset
        scores = torch.sigmoid(torch.stack([idm, ood], dim=1))
        # A score that is no number must alarm, not vanish.
        scores = torch.where(torch.isnan(scores), 1.0, scores)
        thresholds = torch.cat([idm_threshold, ood_threshold])
        labels, idm_mask, ood_mask = self.decide(logits, scores, thresholds)
        idm_score, ood_score = scores.unbind(1)
        return Reading(
            labels,
            idm_mask,
            ood_mask,
            idm_score,
            ood_score,
            found.nonfinite,
            found.idm,
            found.ood,
            logits,
        )
