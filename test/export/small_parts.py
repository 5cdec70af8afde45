"""A small segmenter and detector whose outputs vary over an image."""

import numpy as np
import torch
from torch import Tensor, nn

from flowenedet_ros.data.classes import CAMVID_CLASSES
from flowenedet_ros.detector.base import Detector, DetectorConfig
from flowenedet_ros.detector.build import build_detector
from flowenedet_ros.export.fused import FusedGraph
from flowenedet_ros.export.preprocess import Preprocess
from flowenedet_ros.segmenters.interface import FrozenSegmenter, SegmenterSpec

SIZE = (64, 96)
CLASSES = CAMVID_CLASSES[:5]


class SmallNetwork(nn.Module):
    """Five classes at stride 4, an embedding of 32 channels and a map of 32 at stride 8."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, stride=2, padding=1)
        self.embed = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(32)
        self.deepen = nn.Conv2d(32, 32, 3, stride=2, padding=1)
        self.classify = nn.Conv2d(32, len(CLASSES), 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        embedding = torch.relu(self.norm(self.embed(nn.functional.relu6(self.stem(images)))))
        deep = torch.relu(self.deepen(embedding))
        return 12 * self.classify(embedding), embedding, deep


def small_segmenter() -> FrozenSegmenter:
    torch.manual_seed(3)
    spec = SegmenterSpec('small', CLASSES, SIZE, 4, 32, 32, 8)
    segmenter = FrozenSegmenter(SmallNetwork(), spec)
    pixels = Preprocess(SIZE, spec.mean, spec.std)(torch.from_numpy(pictures()))
    # Every class wins somewhere.
    segmenter.network.classify.bias -= segmenter(pixels).logits.mean(dim=(0, 2, 3)) / 12
    return segmenter


def decided_segmenter() -> FrozenSegmenter:
    """Tell classes apart by more than int8 rounds, which random weights do not."""
    segmenter = small_segmenter()
    pixels = Preprocess(SIZE, segmenter.spec.mean, segmenter.spec.std)(torch.from_numpy(pictures()))
    features = segmenter(pixels).embedding.movedim(1, -1).flatten(0, 2)
    centre = features.mean(dim=0)
    directions = torch.linalg.svd(features - centre, full_matrices=False).Vh[: len(CLASSES)] / 2
    segmenter.network.classify.weight.copy_(directions[..., None, None])
    segmenter.network.classify.bias.copy_(-directions @ centre)
    return segmenter


def small_detector(variant: str = 'flowenedet') -> Detector:
    torch.manual_seed(5)
    detector = build_detector(DetectorConfig(variant, len(CLASSES), 32, 32))
    for parameter in detector.parameters():
        # Fresh flows are near the identity: some weight makes their scores vary.
        parameter.data += 0.1 * torch.randn_like(parameter)
    return detector.eval()


def small_graph(variant: str = 'flowenedet', **options: object) -> FusedGraph:
    return FusedGraph(small_segmenter(), small_detector(variant), **options)


def pictures(count: int = 2, height: int = 80, width: int = 120) -> np.ndarray:
    """Smooth colourful images, uint8 (count, height, width, 3)."""
    random = np.random.default_rng(1)
    coarse = torch.from_numpy(random.uniform(0, 255, (count, 3, 8, 12)))
    fine = nn.functional.interpolate(coarse, (height, width), mode='bicubic').clamp(0, 255)
    return fine.permute(0, 2, 3, 1).to(torch.uint8).contiguous().numpy()
