"""Dilated ResNetV1c (He et al., arXiv 1812.01187), named as MMSegmentation names it."""

from torch import Tensor, nn
from torch.nn import functional as F

WIDTHS = (64, 128, 256, 512)
STRIDES = (1, 2, 1, 1)
DILATIONS = (1, 1, 2, 4)
DEPTHS = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}


def _conv3x3(channels: int, out: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, out, 3, stride, dilation, dilation, bias=False)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a skip; only the first is strided and dilated."""

    expansion = 1

    def __init__(
        self, channels: int, width: int, stride: int, dilation: int, skip: nn.Module | None
    ) -> None:
        super().__init__()
        self.conv1 = _conv3x3(channels, width, stride, dilation)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv3x3(width, width)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = skip

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)), inplace=True)


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions and a skip; the 3x3 is strided and dilated."""

    expansion = 4

    def __init__(
        self, channels: int, width: int, stride: int, dilation: int, skip: nn.Module | None
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv3x3(width, width, stride, dilation)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * self.expansion)
        self.downsample = skip

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = F.relu(self.bn2(self.conv2(y)), inplace=True)
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)), inplace=True)


class ResNetV1c(nn.Module):
    """Encoder that gives the stride-4 map and the last map, at stride 8.

    :param depth: 18, 50 or 101 layers.
    """

    def __init__(self, depth: int) -> None:
        super().__init__()
        block = BasicBlock if depth == 18 else Bottleneck
        self.low_channels = WIDTHS[0] * block.expansion
        self.deep_channels = WIDTHS[3] * block.expansion
        layers: list[nn.Module] = []
        for channels, out, stride in ((3, 32, 2), (32, 32, 1), (32, 64, 1)):
            conv = _conv3x3(channels, out, stride)
            layers += [conv, nn.BatchNorm2d(out), nn.ReLU(inplace=True)]
        self.stem = nn.Sequential(*layers)
        channels = 64
        for stage, repeats in enumerate(DEPTHS[depth]):
            blocks: list[nn.Module] = []
            for index in range(repeats):
                out = WIDTHS[stage] * block.expansion
                stride = STRIDES[stage] if index == 0 else 1
                # The first block of a dilated stage still sees the map of the stage before it.
                dilation = DILATIONS[stage] if index else max(1, DILATIONS[stage] // 2)
                skip: nn.Module | None = None
                if stride != 1 or channels != out:
                    project = nn.Conv2d(channels, out, 1, stride, bias=False)
                    skip = nn.Sequential(project, nn.BatchNorm2d(out))
                blocks.append(block(channels, WIDTHS[stage], stride, dilation, skip))
                channels = out
            self.add_module(f'layer{stage + 1}', nn.Sequential(*blocks))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Give the stride-4 and the last feature map of float (N, 3, H, W) images."""
        x = F.max_pool2d(self.stem(images), 3, stride=2, padding=1)
        low: Tensor = self.get_submodule('layer1')(x)
        deep = low
        for stage in (2, 3, 4):
            deep = self.get_submodule(f'layer{stage}')(deep)
        return low, deep
