"""DeepLabV3+ (Chen et al., arXiv 1802.02611) with the module names of MMSegmentation."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowenedet_ros.segmenters.blocks import ConvBlock, SeparableConvBlock, shrink
from flowenedet_ros.segmenters.efficientnet_lite import EfficientNetLite0
from flowenedet_ros.segmenters.mobilenetv2 import MobileNetV2
from flowenedet_ros.segmenters.resnet import ResNetV1c

DILATIONS = {8: (1, 12, 24, 36), 16: (1, 6, 12, 18)}
"""Dilations of the atrous pyramid by the encoder's output stride."""

Encoder = ResNetV1c | MobileNetV2 | EfficientNetLite0
"""Networks that give a stride-4 map and a deep map for a batch of images, some also maps between
the two: what the last layers have dropped helps to tell unknown things."""


class DeepLabV3PlusHead(nn.Module):
    """Atrous pyramid on the deep map, fused with the low-level map at stride 4.

    :param channels: width V of the pyramid and of the embedding.
    :param low_width: channels the low-level map is reduced to.
    """

    def __init__(
        self,
        *,
        num_classes: int,
        deep_channels: int,
        low_channels: int,
        channels: int,
        low_width: int,
        dilations: tuple[int, ...],
    ) -> None:
        super().__init__()
        self.image_pool = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), ConvBlock(deep_channels, channels, 1)
        )
        branches: list[nn.Module] = [ConvBlock(deep_channels, channels, 1)]
        branches += [
            SeparableConvBlock(deep_channels, channels, dilation=rate) for rate in dilations[1:]
        ]
        self.aspp_modules = nn.ModuleList(branches)
        self.bottleneck = ConvBlock((len(dilations) + 1) * channels, channels, 3)
        self.c1_bottleneck = ConvBlock(low_channels, low_width, 1)
        self.sep_bottleneck = nn.Sequential(
            SeparableConvBlock(channels + low_width, channels),
            SeparableConvBlock(channels, channels),
        )
        self.dropout = nn.Dropout2d(0.1)
        self.conv_seg = nn.Conv2d(channels, num_classes, 1)

    def forward(self, low: Tensor, deep: Tensor) -> tuple[Tensor, Tensor]:
        """Give the logits and the embedding, both at the stride of `low`."""
        pooled = self.image_pool(deep).expand(-1, -1, *deep.shape[2:])
        x = self.bottleneck(torch.cat([pooled, *(b(deep) for b in self.aspp_modules)], dim=1))
        x = F.interpolate(x, size=low.shape[2:], mode='bilinear', align_corners=False)
        embedding = self.sep_bottleneck(torch.cat([x, self.c1_bottleneck(low)], dim=1))
        return self.conv_seg(self.dropout(embedding)), embedding


class DeepLabV3Plus(nn.Module):
    """An encoder and the DeepLabV3+ head."""

    def __init__(self, backbone: Encoder, decode_head: DeepLabV3PlusHead) -> None:
        super().__init__()
        self.backbone = backbone
        self.decode_head = decode_head

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give logits, embedding and deep maps, as one, of normalised (N, 3, H, W) images."""
        low, deep, *middle = self.backbone(images)
        logits, embedding = self.decode_head(low, deep)
        if middle:
            deep = torch.cat([deep, *(shrink(x, deep.shape[3]) for x in middle)], dim=1)
        return logits, embedding, deep
