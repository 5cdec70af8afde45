"""Building blocks of ESPNetv2 (arXiv 1811.11431), keyed as its public weights spell them."""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def norm_act(channels: int, eps: float = 1e-5) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels, eps=eps), nn.PReLU(channels)]


class ConvNormAct(nn.Module):
    """Convolution with any of batch normalisation and PReLU, keyed `conv`, `bn`, `act`."""

    def __init__(
        self,
        channels: int,
        out: int,
        kernel: int = 1,
        *,
        stride: int = 1,
        groups: int = 1,
        dilation: int = 1,
        norm: bool = True,
        act: bool = True,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.conv = nn.Conv2d(channels, out, kernel, stride, padding, dilation, groups, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=eps) if norm else None
        self.act = nn.PReLU(out) if act else None

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        x = x if self.bn is None else self.bn(x)
        return x if self.act is None else self.act(x)


class NormAct(nn.Module):
    """Batch normalisation and PReLU, keyed `bn`, `act`."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.bn, self.act = norm_act(channels, eps)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(x))


class Wrapped(nn.Module):
    """A sequence under one more key, as the decoder's weights spell it."""

    def __init__(self, key: str, *layers: nn.Module) -> None:
        super().__init__()
        self.key = key
        self.add_module(key, nn.Sequential(*layers))

    def forward(self, x: Tensor) -> Tensor:
        return self.get_submodule(self.key)(x)


def conv_norm_act(channels: int, out: int, kernel: int, groups: int = 1) -> Wrapped:
    conv = nn.Conv2d(channels, out, kernel, padding=kernel // 2, groups=groups, bias=False)
    return Wrapped('cbr', conv, *norm_act(out))


def halve(x: Tensor) -> Tensor:
    """Halve the resolution with overlapping 3x3 means."""
    return F.avg_pool2d(x, 3, stride=2, padding=1)


class EESP(nn.Module):
    """Grouped projection, pyramid of dilated depthwise convolutions, grouped expansion."""

    def __init__(
        self, channels: int, out: int, *, dilations: tuple[int, ...], stride: int = 1
    ) -> None:
        super().__init__()
        branches = len(dilations)
        width = out // branches
        self.stride = stride
        self.proj_1x1 = ConvNormAct(channels, width, groups=branches)
        self.spp_dw = nn.ModuleList(
            ConvNormAct(
                width,
                width,
                3,
                stride=stride,
                groups=width,
                dilation=dilation,
                norm=False,
                act=False,
            )
            for dilation in dilations
        )
        self.br_after_cat = NormAct(out)
        self.conv_1x1_exp = ConvNormAct(out, out, groups=branches, act=False)
        self.module_act = nn.PReLU(out)

    def forward(self, x: Tensor) -> Tensor:
        y = self.proj_1x1(x)
        sums: list[Tensor] = []
        for branch in self.spp_dw:
            filtered = branch(y)
            sums.append(filtered + sums[-1] if sums else filtered)
        y = self.conv_1x1_exp(self.br_after_cat(torch.cat(sums, dim=1)))
        return y if self.stride == 2 else self.module_act(y + x)


class DownSampler(nn.Module):
    """Strided EESP beside a mean, reinforced by the shrunken input image."""

    def __init__(self, channels: int, out: int, dilations: tuple[int, ...], halvings: int) -> None:
        super().__init__()
        self.halvings = halvings
        self.eesp = EESP(channels, out - channels, dilations=dilations, stride=2)
        self.inp_reinf = nn.Sequential(
            ConvNormAct(3, 3, 3), ConvNormAct(3, out, norm=True, act=False)
        )
        self.act = nn.PReLU(out)

    def forward(self, x: Tensor, image: Tensor) -> Tensor:
        for _ in range(self.halvings):
            image = halve(image)
        return self.act(torch.cat([halve(x), self.eesp(x)], dim=1) + self.inp_reinf(image))


@lru_cache
def pooling_matrix(size: int, out: int) -> Tensor:
    """Give the (out, size) matrix that adaptive average pooling multiplies one axis by.

    Run the network once before exporting it: what is remembered here then becomes a constant.
    """
    matrix = torch.zeros(out, size)
    for row in range(out):
        start, stop = row * size // out, -(-(row + 1) * size // out)
        matrix[row, start:stop] = 1 / (stop - start)
    return matrix


def adaptive_mean(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Pool to any size with two constant matrices, which every runtime can run."""
    rows = pooling_matrix(x.shape[2], size[0])
    columns = pooling_matrix(x.shape[3], size[1])
    return torch.matmul(torch.matmul(rows, x), columns.T)


class PyramidPool(nn.Module):
    """Depthwise convolutions at five scales, shuffled and merged."""

    SCALES = (2.0, 1.5, 1.0, 0.5, 0.1)

    def __init__(self, channels: int, width: int, out: int, *, last: bool = False) -> None:
        super().__init__()
        count = len(self.SCALES)
        self.projection_layer = conv_norm_act(channels, width, 1)
        self.stages = nn.ModuleList(
            nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False) for _ in self.SCALES
        )
        self.merge_layer = nn.Sequential(
            Wrapped('br', *norm_act(count * width)),
            nn.ChannelShuffle(count),
            conv_norm_act(count * width, width, 3, groups=width),
            nn.Conv2d(width, out, 1, bias=last),
        )
        self.br = None if last else Wrapped('br', *norm_act(out))

    def forward(self, x: Tensor) -> Tensor:
        x = self.projection_layer(x)
        size = (x.shape[2], x.shape[3])
        maps = []
        for scale, stage in zip(self.SCALES, self.stages, strict=True):
            scaled = (max(5, math.ceil(size[0] * scale)), max(5, math.ceil(size[1] * scale)))
            if scale < 1:
                maps.append(resize(stage(adaptive_mean(x, scaled)), size))
            elif scale > 1:
                maps.append(adaptive_mean(stage(resize(x, scaled)), size))
            else:
                maps.append(stage(x))
        y = self.merge_layer(torch.cat(maps, dim=1))
        return y if self.br is None else self.br(y)


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize with aligned corners, as these networks were trained."""
    return F.interpolate(x, size=size, mode='bilinear', align_corners=True)


class GatedProjection(nn.Module):
    """Grouped 3x3 convolution, gated by the image's mean."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.wt_layer = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, out, 1, bias=False), nn.Sigmoid()
        )
        self.expansion_layer = conv_norm_act(channels, out, 3, groups=math.gcd(channels, out))

    def forward(self, x: Tensor) -> Tensor:
        return self.expansion_layer(x) * self.wt_layer(x)
