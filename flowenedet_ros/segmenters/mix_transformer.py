"""Mix Transformer, the encoder of SegFormer (Xie et al., arXiv 2105.15203, section 3.1)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class MixTransformerSizes:
    """Sizes that tell B0 to B5 apart.

    :param widths: channels of the four stages, at strides 4, 8, 16 and 32.
    :param depths: blocks of the four stages.
    """

    widths: tuple[int, int, int, int]
    depths: tuple[int, int, int, int]


HEADS = (1, 2, 5, 8)
REDUCTIONS = (8, 4, 2, 1)
EXPANSION = 4
_WIDE = (64, 128, 320, 512)
SIZES = {
    'b0': MixTransformerSizes((32, 64, 160, 256), (2, 2, 2, 2)),
    'b1': MixTransformerSizes(_WIDE, (2, 2, 2, 2)),
    'b2': MixTransformerSizes(_WIDE, (3, 4, 6, 3)),
    'b3': MixTransformerSizes(_WIDE, (3, 4, 18, 3)),
    'b4': MixTransformerSizes(_WIDE, (3, 8, 27, 3)),
    'b5': MixTransformerSizes(_WIDE, (3, 6, 40, 3)),
}


def to_tokens(maps: Tensor) -> Tensor:
    """Turn (N, C, h, w) into (N, h*w, C)."""
    return maps.flatten(2).transpose(1, 2)


def to_maps(tokens: Tensor, size: tuple[int, int]) -> Tensor:
    """Turn (N, h*w, C) into (N, C, h, w)."""
    return tokens.transpose(1, 2).reshape(tokens.shape[0], tokens.shape[2], *size)


class OverlapEmbedding(nn.Module):
    """Strided convolution whose windows overlap, then layer normalisation."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, eps: float) -> None:
        super().__init__()
        self.projection = nn.Conv2d(channels, out, kernel, stride, kernel // 2)
        self.norm = nn.LayerNorm(out, eps=eps)

    def forward(self, maps: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Give tokens and the height and width they stand for."""
        x = self.projection(maps)
        return self.norm(to_tokens(x)), (x.shape[2], x.shape[3])


class EfficientAttention(nn.Module):
    """Self-attention whose keys and values come from a map reduced `reduction` times."""

    def __init__(self, width: int, heads: int, reduction: int, eps: float) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.output = nn.Linear(width, width)
        self.reduction: nn.Conv2d | None = None
        if reduction > 1:
            self.reduction = nn.Conv2d(width, width, reduction, reduction)
            self.reduction_norm = nn.LayerNorm(width, eps=eps)

    def forward(self, tokens: Tensor, size: tuple[int, int]) -> Tensor:
        """Attend."""
        source = tokens
        if self.reduction is not None:
            source = self.reduction_norm(to_tokens(self.reduction(to_maps(tokens, size))))
        key, value = self.key_value(source).chunk(2, dim=2)
        mixed = F.scaled_dot_product_attention(
            self._split(self.query(tokens)), self._split(key), self._split(value)
        )
        y: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return y

    def _split(self, x: Tensor) -> Tensor:
        count, length, width = x.shape
        return x.reshape(count, length, self.heads, width // self.heads).transpose(1, 2)


class MixFeedForward(nn.Module):
    """Two linear layers around a depthwise convolution, which tells positions apart."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = EXPANSION * width
        self.expand = nn.Linear(width, hidden)
        self.depthwise = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.project = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor, size: tuple[int, int]) -> Tensor:
        """Apply the layers."""
        hidden = self.depthwise(to_maps(self.expand(tokens), size))
        y: Tensor = self.project(to_tokens(F.gelu(hidden)))
        return y


class Block(nn.Module):
    """Attention and feed-forward, each with a skip that training drops at random.

    :param drop: probability that training leaves a branch out for a picture.
    """

    def __init__(self, width: int, heads: int, reduction: int, eps: float, drop: float) -> None:
        super().__init__()
        self.drop = drop
        self.norm1 = nn.LayerNorm(width, eps=eps)
        self.attention = EfficientAttention(width, heads, reduction, eps)
        self.norm2 = nn.LayerNorm(width, eps=eps)
        self.mlp = MixFeedForward(width)

    def forward(self, tokens: Tensor, size: tuple[int, int]) -> Tensor:
        """Apply the block."""
        tokens = tokens + self._maybe(self.attention(self.norm1(tokens), size))
        return tokens + self._maybe(self.mlp(self.norm2(tokens), size))

    def _maybe(self, branch: Tensor) -> Tensor:
        if not self.training or self.drop == 0:
            return branch
        keep = 1 - self.drop
        return branch * (torch.rand(len(branch), 1, 1, device=branch.device) < keep) / keep


class Stage(nn.Module):
    """Embedding, blocks and a last normalisation."""

    def __init__(
        self, embed: OverlapEmbedding, blocks: list[Block], width: int, eps: float
    ) -> None:
        super().__init__()
        self.embed = embed
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(width, eps=eps)

    def forward(self, maps: Tensor) -> Tensor:
        """Give the stage's maps."""
        tokens, size = self.embed(maps)
        for block in self.blocks:
            tokens = block(tokens, size)
        return to_maps(self.norm(tokens), size)


def _initialise(module: nn.Module) -> None:
    """Draw small weights, without which deep transformers train badly from nothing."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Conv2d):
        fan_out = module.weight[0, 0].numel() * module.out_channels // module.groups
        nn.init.normal_(module.weight, std=(2 / fan_out) ** 0.5)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class MixTransformer(nn.Module):
    """Four stages at strides 4, 8, 16 and 32.

    :param eps: of every layer normalisation; 1e-6 in MMSegmentation's models, 1e-5 in Hugging
        Face's.
    :param drop_path: probability of dropping a branch of the last block; it grows from 0.
    """

    def __init__(
        self, sizes: MixTransformerSizes, *, eps: float = 1e-6, drop_path: float = 0.1
    ) -> None:
        super().__init__()
        total = sum(sizes.depths)
        drops = [drop_path * i / max(1, total - 1) for i in range(total)]
        stages, channels = [], 3
        for i, (width, depth) in enumerate(zip(sizes.widths, sizes.depths, strict=True)):
            kernel, stride = (7, 4) if i == 0 else (3, 2)
            embed = OverlapEmbedding(channels, width, kernel, stride, eps)
            blocks = [
                Block(width, HEADS[i], REDUCTIONS[i], eps, drops.pop(0)) for _ in range(depth)
            ]
            stages.append(Stage(embed, blocks, width, eps))
            channels = width
        self.stages = nn.ModuleList(stages)
        self.apply(_initialise)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Give the maps of all stages for float (N, 3, H, W) images."""
        maps = []
        for stage in self.stages:
            images = stage(images)
            maps.append(images)
        return maps
