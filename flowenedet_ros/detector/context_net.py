"""The thin context network, and the plain classifier that the flow is measured against."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowenedet_ros.detector.features import VARIABLES


class ContextBlock(nn.Module):
    """Residual depthwise 3x3 and pointwise convolution."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(
            width, width, 3, padding=dilation, dilation=dilation, groups=width, bias=False
        )
        self.pointwise = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape (N, width, h, w)."""
        return x + F.relu(self.pointwise(self.depthwise(x)))


class ContextNet(nn.Module):
    """Features in, context out, at one resolution: 1x1, then a block for each dilation."""

    def __init__(self, channels: int, width: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, width, 1)
        self.blocks = nn.Sequential(*(ContextBlock(width, dilation) for dilation in dilations))

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, width, h, w)."""
        context: Tensor = self.blocks(F.relu(self.stem(features)))
        return context


class PlainHead(nn.Module):
    """Three-way classifier on context and flow variables, sized to cost what the flow costs.

    :param budget: parameters that the flow it stands in for has beyond the context network.
    """

    def __init__(self, width: int, budget: int) -> None:
        super().__init__()
        hidden = max(3, round((budget - 3) / (width + VARIABLES + 1 + 3)))
        self.layers = nn.Sequential(
            nn.Conv2d(width + VARIABLES, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, 3, 1)
        )

    def forward(self, z: Tensor, context: Tensor) -> Tensor:
        """Return class logits, (N, 3, h, w)."""
        logits: Tensor = self.layers(torch.cat([z, context], dim=1))
        return logits
