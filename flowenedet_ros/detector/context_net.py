"""The thin context network, and the plain classifier that the flow is measured against."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowenedet_ros.detector.features import VARIABLES, Features, enlarge_like
from flowenedet_ros.detector.normalise import NormalisedProjection

_LARGEST = 1e4


class ContextBlock(nn.Module):
    """Residual depthwise 3x3 and pointwise convolution, within equal groups of channels."""

    def __init__(self, width: int, dilation: int, groups: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(
            width, width, 3, padding=dilation, dilation=dilation, groups=width, bias=False
        )
        self.pointwise = nn.Conv2d(width, width, 1, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape (N, width, h, w)."""
        return x + F.relu(self.pointwise(self.depthwise(x)))


class ContextNet(nn.Module):
    """Surroundings in, context out, at half the resolution of the logits.

    Two experts have half of the channels each: one reads the embedding, one the deeper map, and
    both the logits around. In training either is silent for a third of the pictures while the other
    speaks for both, so that each learns to judge alone. How much they say once trained is up to
    what reads the context.

    The deeper map is projected where it is small, and to few channels, before it is enlarged: what
    it tells of an unknown thing fits into a dozen, and a wide projection fits the training frames.

    :param local: channels from the logits.
    :param embedding: channels of the segmenter's embedding, None to do without.
    :param cells: read all pixels of the embedding instead of every second row and column.
    :param deep: channels of the segmenter's deeper map, None to do without.
    :param deep_width: channels that those are projected to.
    :param width: channels of the context, of all experts together.
    :param experts: 2, or 1 that reads all there is; without a deeper map there is only one.
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
        experts: int,
        cells: bool = False,
    ) -> None:
        super().__init__()
        self.experts = experts if deep else 1
        own = width // self.experts
        self.local = nn.Conv2d(local, width, 1)
        # Every second row and column of the embedding costs a quarter of all.
        kernel = 2 if cells else 1
        self.embedding = NormalisedProjection(embedding, own, 2, kernel) if embedding else None
        self.deep = NormalisedProjection(deep, deep_width) if deep else None
        self.widen = nn.Conv2d(deep_width, own, 1, bias=False) if deep else None
        blocks = (ContextBlock(width, dilation, self.experts) for dilation in dilations)
        self.blocks = nn.Sequential(*blocks)

    def forward(self, features: Features) -> Tensor:
        """Return (N, width, ceil(h / 2), ceil(w / 2))."""
        assert features.coarse is not None  # the extractor always gives it
        parts = list(self.local(features.coarse).chunk(self.experts, dim=1))
        if self.embedding is not None and features.embedding is not None:
            parts[0] = parts[0] + self.embedding(features.embedding)
        if self.deep is not None and self.widen is not None and features.deep is not None:
            projected = enlarge_like(self.deep(features.deep), features.coarse)
            parts[-1] = parts[-1] + self.widen(projected)
        x = torch.cat(parts, dim=1)
        # What is not finite must not spread to the neighbours.
        x = torch.where(x.abs() < _LARGEST, x, 0.0)
        context: Tensor = self.blocks(F.relu(x))
        if self.training and self.experts > 1:
            context = context * _voices(context)
        return context


def voice(say: tuple[float, ...], channels: int) -> Tensor:
    """Return how loud each channel of a context is, (1, channels, 1, 1)."""
    return torch.tensor(say).repeat_interleave(channels // len(say)).view(1, -1, 1, 1)


def _voices(context: Tensor) -> Tensor:
    """Let both experts of a picture speak, or either for both; (N, channels, 1, 1)."""
    channels = context.shape[1]
    choices = torch.cat([voice(say, channels) for say in ((1.0, 1.0), (2.0, 0.0), (0.0, 2.0))])
    # Drawn on the CPU, so that a GPU draws the same.
    return choices[torch.randint(len(choices), (len(context),))].to(context.device)


class PlainHead(nn.Module):
    """Three-way classifier on condition and flow variables, sized to cost what the flow costs.

    :param width: channels of the context.
    :param budget: parameters that the flow it stands in for has beyond the context network.
    :param say: of each expert; see `ConditionNet`.
    """

    say: Tensor

    def __init__(self, width: int, budget: int, say: tuple[float, ...] = (1.0,)) -> None:
        super().__init__()
        hidden = max(3, round((budget - 3) / (width + 1 + VARIABLES + 3)))
        self.condition = nn.Conv2d(width, hidden, 1)
        self.register_buffer('say', voice(say, width), persistent=False)
        self.enter = nn.Conv2d(VARIABLES, hidden, 1, bias=False)
        self.leave = nn.Conv2d(hidden, 3, 1)

    def read(self, context: Tensor) -> Tensor:
        """Return the condition, (N, hidden, h / 2, w / 2), of a context."""
        weight = self.condition.weight if self.training else self.condition.weight * self.say
        return F.conv2d(context, weight, self.condition.bias)

    def forward(self, z: Tensor, condition: Tensor) -> Tensor:
        """Return class logits, (N, 3, h, w), from variables and the enlarged condition."""
        logits: Tensor = self.leave(F.relu(self.enter(z) + condition))
        return logits
