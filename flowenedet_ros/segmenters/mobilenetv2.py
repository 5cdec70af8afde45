"""Dilated MobileNetV2 (Sandler et al., arXiv 1801.04381), named as MMSegmentation names it."""

from torch import Tensor, nn

from flowenedet_ros.segmenters.blocks import ConvBlock

# (expansion, channels, repeats) of the seven stages.
STAGES = (
    (1, 16, 1),
    (6, 24, 2),
    (6, 32, 3),
    (6, 64, 4),
    (6, 96, 3),
    (6, 160, 3),
    (6, 320, 1),
)
# Strides and dilations of the stages by the stride of the last map.
STRIDES = {8: (1, 2, 2, 1, 1, 1, 1), 16: (1, 2, 2, 2, 1, 1, 1)}
DILATIONS = {8: (1, 1, 1, 2, 2, 4, 4), 16: (1, 1, 1, 1, 1, 2, 2)}


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; with a skip where the shape allows."""

    def __init__(
        self, channels: int, out: int, *, expansion: int, stride: int, dilation: int
    ) -> None:
        super().__init__()
        hidden = channels * expansion
        relu6 = nn.ReLU6(inplace=True)
        layers: list[nn.Module] = []
        if expansion != 1:
            layers.append(ConvBlock(channels, hidden, 1, act=relu6))
        layers.append(
            ConvBlock(hidden, hidden, 3, stride=stride, dilation=dilation, groups=hidden, act=relu6)
        )
        layers.append(ConvBlock(hidden, out, 1, act=nn.Identity()))
        self.conv = nn.Sequential(*layers)
        self.skip = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        y: Tensor = self.conv(x)
        return x + y if self.skip else y


class MobileNetV2(nn.Module):
    """Encoder that gives the stride-4 map (24 channels) and the last map (320 channels).

    :param output_stride: 8 or 16, the stride of the last map.
    """

    low_channels = 24
    deep_channels = 320

    def __init__(self, output_stride: int) -> None:
        super().__init__()
        self.conv1 = ConvBlock(3, 32, 3, stride=2, act=nn.ReLU6(inplace=True))
        channels = 32
        for index, (expansion, out, repeats) in enumerate(STAGES):
            blocks = [
                InvertedResidual(
                    channels if i == 0 else out,
                    out,
                    expansion=expansion,
                    stride=STRIDES[output_stride][index] if i == 0 else 1,
                    # As MMSegmentation has it: only a stage's first block is dilated.
                    dilation=DILATIONS[output_stride][index] if i == 0 else 1,
                )
                for i in range(repeats)
            ]
            self.add_module(f'layer{index + 1}', nn.Sequential(*blocks))
            channels = out

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Give the stride-4 and the last feature map of float (N, 3, H, W) images."""
        x = self.conv1(images)
        for index in (1, 2):
            x = self.get_submodule(f'layer{index}')(x)
        low = x
        for index in range(3, len(STAGES) + 1):
            x = self.get_submodule(f'layer{index}')(x)
        return low, x
