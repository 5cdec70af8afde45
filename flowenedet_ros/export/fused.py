"""One graph from camera pixels to masks: preprocessing, segmenter, detector, decisions."""

from typing import Literal

import torch
from torch import Tensor, nn

from flowenedet_ros.detector.base import Detector
from flowenedet_ros.export.decisions import Mode
from flowenedet_ros.export.preprocess import Preprocess
from flowenedet_ros.export.readout import IDENTITY, Reading, Readout
from flowenedet_ros.inference.manifest import ScoreMap
from flowenedet_ros.segmenters.interface import FrozenSegmenter, SegmenterOutput


class FusedGraph(nn.Module):
    """The whole per-frame computation as one module, the source of every exported file.

    :param channel_order: of the camera image.
    :param mode: see `Readout`.
    :param idm: calibration of the misclassification score; `ood` likewise.
    """

    def __init__(
        self,
        segmenter: FrozenSegmenter,
        detector: Detector,
        *,
        channel_order: Literal['bgr', 'rgb'] = 'bgr',
        mode: Mode = 'mid',
        idm: ScoreMap = IDENTITY,
        ood: ScoreMap = IDENTITY,
    ) -> None:
        super().__init__()
        spec = segmenter.spec
        self.preprocess = Preprocess(spec.input_size, spec.mean, spec.std, channel_order)
        self.segmenter = segmenter
        self.readout = Readout(detector, spec.input_size, spec.logit_stride, mode, idm, ood)
        self.eval()

    def forward(self, image: Tensor, idm_threshold: Tensor, ood_threshold: Tensor) -> Reading:
        """Perceive one batch.

        :param image: uint8 (N, H, W, 3) of any height and width.
        :param idm_threshold: float32 (1,); so is `ood_threshold`.
        """
        output: SegmenterOutput = self.segmenter(self.preprocess(image))
        reading: Reading = self.readout(output, idm_threshold, ood_threshold)
        return reading


@torch.inference_mode()
def perceive(graph: FusedGraph, images: Tensor, idm: float = 0.5, ood: float = 0.5) -> Reading:
    """Run the graph in eager PyTorch, image by image, as the reference of every backend.

    :param images: uint8 (K, H, W, 3).
    """
    thresholds = torch.tensor([idm]), torch.tensor([ood])
    readings = [graph(image[None], *thresholds) for image in images]
    return Reading(*(torch.cat(maps) for maps in zip(*readings, strict=True)))
