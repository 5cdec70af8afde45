"""Convolution blocks shared by the segmenters, named as in MMSegmentation's checkpoints."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DepthwiseConv2d(nn.Conv2d):
    """A convolution of each channel by itself, kept in float32 under autocast.

    On CPUs the backward pass of a bfloat16 depthwise convolution costs more than it saves: a whole
    training step of DeepLabV3+ on EfficientNet-Lite0 took 1.4 times as long.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Convolve."""
        if input.is_cpu and torch.is_autocast_enabled('cpu'):
            with torch.autocast('cpu', enabled=False):
                return super().forward(input.float())
        return super().forward(input)


class ConvBlock(nn.Module):
    """Convolution, batch normalisation and an optional ReLU."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        act: nn.Module | None = None,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        layer = DepthwiseConv2d if groups == in_channels > 1 else nn.Conv2d
        self.conv = layer(
            in_channels, out_channels, kernel, stride, padding, dilation, groups, bias=False
        )
        self.bn = nn.BatchNorm2d(out_channels, eps=eps)
        self.act = nn.ReLU(inplace=True) if act is None else act

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        y: Tensor = self.act(self.bn(self.conv(x)))
        return y


class SeparableConvBlock(nn.Module):
    """A 3x3 depthwise and a 1x1 pointwise convolution, each normalised and rectified."""

    def __init__(self, in_channels: int, out_channels: int, *, dilation: int = 1) -> None:
        super().__init__()
        self.depthwise_conv = ConvBlock(
            in_channels, in_channels, 3, dilation=dilation, groups=in_channels
        )
        self.pointwise_conv = ConvBlock(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Apply both convolutions."""
        y: Tensor = self.pointwise_conv(self.depthwise_conv(x))
        return y


def halve(x: Tensor) -> Tensor:
    """Average 2x2 cells; an odd last row or column is repeated."""
    height, width = x.shape[2:]
    if height % 2 or width % 2:
        x = F.pad(x, (0, width % 2, 0, height % 2), mode='replicate')
    return F.avg_pool2d(x, 2)


def shrink(x: Tensor, width: int) -> Tensor:
    """Halve a map until it is at most `width` wide."""
    while x.shape[3] > width:
        x = halve(x)
    return x
