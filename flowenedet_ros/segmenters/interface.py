"""What every segmenter looks like to the rest of the package."""

from dataclasses import dataclass
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from flowenedet_ros.data.classes import ClassInfo

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


class SegmenterOutput(NamedTuple):
    """What a segmenter gives for one batch."""

    logits: Tensor
    """(N, C, h, w) class scores at the logit stride."""
    embedding: Tensor | None
    """(N, V, h, w) input of the final 1x1 classifier, at the logit stride."""
    deep: Tensor | None
    """(N, D, h', w') deeper backbone maps, on one grid."""

    def to(self, device: torch.device) -> 'SegmenterOutput':
        """Return it with every map on a device."""
        return SegmenterOutput(
            self.logits.to(device),
            None if self.embedding is None else self.embedding.to(device),
            None if self.deep is None else self.deep.to(device),
        )


@dataclass(frozen=True)
class SegmenterSpec:
    """What is known of a segmenter without running it."""

    architecture: str
    classes: tuple[ClassInfo, ...]
    input_size: tuple[int, int]
    """(height, width) in pixels of the image the network sees."""
    logit_stride: int
    embedding_channels: int | None
    deep_channels: int | None
    deep_stride: int | None
    mean: tuple[float, float, float] = IMAGENET_MEAN
    """RGB, on the 0-255 scale."""
    std: tuple[float, float, float] = IMAGENET_STD

    @property
    def logit_size(self) -> tuple[int, int]:
        """Height and width of the logits for an image of `input_size`."""
        height, width = self.input_size
        return -(-height // self.logit_stride), -(-width // self.logit_stride)


class FrozenSegmenter(nn.Module):
    """A segmenter that stays in evaluation mode and takes no gradient, whatever is asked of it.

    The published training recipe left batch normalisation and drop-path in training mode while the
    flow was fitted, so that training and inference saw different inputs; this class rules it out.
    """

    def __init__(self, network: nn.Module, spec: SegmenterSpec) -> None:
        super().__init__()
        self.network = network.requires_grad_(False)
        self.spec = spec
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Keep evaluation mode."""
        return super().train(False)

    def forward(self, images: Tensor) -> SegmenterOutput:
        """Segment normalised RGB images, float (N, 3, H, W)."""
        if torch.is_grad_enabled():
            with torch.no_grad():
                return SegmenterOutput(*self.network(images))
        return SegmenterOutput(*self.network(images))
