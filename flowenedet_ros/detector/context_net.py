"""The thin context network, and the plain classifier that the flow is measured against."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowenedet_ros.detector.features import VARIABLES, Features, enlarge_like
from flowenedet_ros.detector.normalise import NormalisedProjection

_LARGEST = 1e4


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
    """Surroundings in, context out, at half the resolution of the logits.

    The deeper map is projected where it is small, and to few channels, before it is enlarged: what
    it tells of an unknown thing fits into a dozen, and a wide projection fits the training frames.

    :param local: channels from the logits.
    :param embedding: channels of the segmenter's embedding, None to do without.
    :param cells: read all pixels of the embedding instead of every second row and column.
    :param deep: channels of the segmenter's deeper map, None to do without.
    :param deep_width: channels that those are projected to.
    :param width: channels of the context.
    """

    def __init__(
        self,
        local: int,
        embedding: int | None,
        deep: int | None,
        width: int,
        dilations: tuple[int, ...],
        *,
        deep_width: int,
        cells: bool = False,
    ) -> None:
        super().__init__()
        self.local = nn.Conv2d(local + (deep_width if deep else 0), width, 1)
        # Every second row and column of the embedding costs a quarter of all.
        kernel = 2 if cells else 1
        self.embedding = NormalisedProjection(embedding, width, 2, kernel) if embedding else None
        self.deep = NormalisedProjection(deep, deep_width) if deep else None
        self.blocks = nn.Sequential(*(ContextBlock(width, dilation) for dilation in dilations))

    def forward(self, features: Features) -> Tensor:
        """Return (N, width, ceil(h / 2), ceil(w / 2))."""
        assert features.coarse is not None  # the extractor always gives it
        known = [features.coarse]
        if self.deep is not None and features.deep is not None:
            known.append(enlarge_like(self.deep(features.deep), features.coarse))
        x: Tensor = self.local(torch.cat(known, dim=1))
        if self.embedding is not None and features.embedding is not None:
            x = x + self.embedding(features.embedding)
        # What is not finite must not spread to the neighbours.
        x = torch.where(x.abs() < _LARGEST, x, 0.0)
        context: Tensor = self.blocks(F.relu(x))
        return context


class PlainHead(nn.Module):
    """Three-way classifier on condition and flow variables, sized to cost what the flow costs.

    :param width: channels of the context.
    :param budget: parameters that the flow it stands in for has beyond the context network.
    """

    def __init__(self, width: int, budget: int) -> None:
        super().__init__()
        hidden = max(3, round((budget - 3) / (width + 1 + VARIABLES + 3)))
        self.condition = nn.Conv2d(width, hidden, 1)
        self.enter = nn.Conv2d(VARIABLES, hidden, 1, bias=False)
        self.leave = nn.Conv2d(hidden, 3, 1)

    def forward(self, z: Tensor, condition: Tensor) -> Tensor:
        """Return class logits, (N, 3, h, w), from variables and the enlarged condition."""
        logits: Tensor = self.leave(F.relu(self.enter(z) + condition))
        return logits
