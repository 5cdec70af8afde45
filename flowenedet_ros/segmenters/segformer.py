"""SegFormer (Xie et al., arXiv 2105.15203) with the heads of its two public implementations."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowenedet_ros.segmenters.blocks import ConvBlock
from flowenedet_ros.segmenters.mix_transformer import MixTransformer, MixTransformerSizes

HeadKind = Literal['mmseg', 'hf']
DEEP_STAGE = 2
"""The stage (stride 16) that is given as the deeper map."""


class SegFormerHead(nn.Module):
    """All-MLP head: one projection per stage, upsampling to stride 4, fusion, classifier.

    :param kind: `mmseg` projects with a convolution, batch normalisation and ReLU; `hf` with a
        biased linear layer alone.
    :param channels: width V of the fusion and of the embedding.
    """

    def __init__(
        self, widths: tuple[int, ...], *, num_classes: int, channels: int, kind: HeadKind
    ) -> None:
        super().__init__()
        self.kind = kind
        self.scales = nn.ModuleList(
            ConvBlock(width, channels, 1) if kind == 'mmseg' else nn.Conv2d(width, channels, 1)
            for width in widths
        )
        self.fusion = ConvBlock(len(widths) * channels, channels, 1)
        self.dropout = nn.Dropout2d(0.1)
        self.conv_seg = nn.Conv2d(channels, num_classes, 1)

    def forward(self, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Give the logits and the embedding, both at the stride of the first map."""
        size = (maps[0].shape[2], maps[0].shape[3])
        # A 1x1 convolution and bilinear upsampling commute, so the fusion of the concatenated maps
        # is a sum of upsampled small fusions: a training step takes two thirds of the time.
        parts = self.fusion.conv.weight.chunk(len(maps), dim=1)
        fused = [
            _upsample(F.conv2d(scale(x), part), size)
            for scale, part, x in zip(self.scales, parts, maps, strict=True)
        ]
        embedding = self.fusion.act(self.fusion.bn(sum(fused[1:], fused[0])))
        return self.conv_seg(self.dropout(embedding)), embedding


class FoldedSegFormerHead(nn.Module):
    """The same function with normalisation folded into the convolutions; agrees to rounding."""

    def __init__(self, head: SegFormerHead) -> None:
        super().__init__()
        weight, bias = _folded(head.fusion)
        slices = weight.chunk(len(head.scales), dim=1)
        stages: list[nn.Module] = []
        for scale, part in zip(head.scales, slices, strict=True):
            if isinstance(scale, ConvBlock):
                projection = _conv(*_folded(scale))
                stages.append(nn.Sequential(projection, nn.ReLU(inplace=True), _conv(part, None)))
            else:
                matrix, offset = part.flatten(1), scale.bias
                assert isinstance(scale.weight, Tensor)
                assert isinstance(offset, Tensor)
                bias = bias + matrix @ offset.double()
                merged = matrix @ scale.weight.double().flatten(1)
                stages.append(_conv(merged[:, :, None, None], None))
        self.stages = nn.ModuleList(stages)
        self.bias = nn.Parameter(bias.float().view(1, -1, 1, 1))
        self.conv_seg = head.conv_seg

    def forward(self, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Give the logits and the embedding, both at the stride of the first map."""
        size = (maps[0].shape[2], maps[0].shape[3])
        total = self.stages[0](maps[0]) + self.bias
        for stage, x in zip(list(self.stages)[1:], maps[1:], strict=True):
            total = total + _upsample(stage(x), size)
        embedding = F.relu(total)
        return self.conv_seg(embedding), embedding


class SegFormer(nn.Module):
    """Mix Transformer and all-MLP head."""

    def __init__(
        self,
        sizes: MixTransformerSizes,
        *,
        num_classes: int,
        channels: int = 256,
        kind: HeadKind = 'mmseg',
        eps: float = 1e-6,
    ) -> None:
        super().__init__()
        self.backbone = MixTransformer(sizes, eps=eps)
        self.decode_head: SegFormerHead | FoldedSegFormerHead = SegFormerHead(
            sizes.widths, num_classes=num_classes, channels=channels, kind=kind
        )

    def fold(self) -> None:
        """Replace the head by its cheaper equal; what is learned then stays as it is."""
        if isinstance(self.decode_head, SegFormerHead):
            self.decode_head = FoldedSegFormerHead(self.decode_head)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give logits, embedding and the deep map of normalised (N, 3, H, W) images."""
        maps = self.backbone(images)
        logits, embedding = self.decode_head(maps)
        return logits, embedding, maps[DEEP_STAGE]


def _upsample(x: Tensor, size: tuple[int, int]) -> Tensor:
    if x.shape[2:] == size:
        return x
    return F.interpolate(x, size=size, mode='bilinear', align_corners=False)


def _folded(block: ConvBlock) -> tuple[Tensor, Tensor]:
    """Give the weight and bias, in float64, of a convolution that does its normalisation too."""
    norm = block.bn
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    bias = norm.bias.double() - norm.running_mean.double() * scale
    return block.conv.weight.double() * scale.view(-1, 1, 1, 1), bias


def _conv(weight: Tensor, bias: Tensor | None) -> nn.Conv2d:
    conv = nn.Conv2d(weight.shape[1], weight.shape[0], 1, bias=bias is not None)
    conv.weight = nn.Parameter(weight.detach().float().clone())
    if bias is not None:
        conv.bias = nn.Parameter(bias.detach().float())
    return conv
