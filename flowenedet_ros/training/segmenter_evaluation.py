"""Scoring a segmenter under training on labelled pictures."""

from collections.abc import Callable

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from flowenedet_ros.segmenters.interface import IMAGENET_MEAN, IMAGENET_STD
from flowenedet_ros.training.confusion import Confusion
from flowenedet_ros.training.segmentation_views import Samples


def normalise(images: Tensor) -> Tensor:
    """Turn uint8 RGB (N, 3, H, W) into normalised float32."""
    mean = torch.tensor(IMAGENET_MEAN, device=images.device).view(1, 3, 1, 1)
    std = torch.tensor(IMAGENET_STD, device=images.device).view(1, 3, 1, 1)
    return (images.float() - mean) / std


@torch.no_grad()
def evaluate_segmenter(
    predict: Callable[[Tensor], Tensor],
    samples: Samples,
    num_classes: int,
    size: tuple[int, int],
    device: torch.device,
) -> Confusion:
    """Count right and wrong pixels of every picture at its labels' size.

    :param predict: normalised images (1, 3, H, W) to logits at any stride.
    :param size: (height, width) pictures are stretched to, as at run time.
    """
    confusion = Confusion(num_classes)
    for index in range(len(samples)):
        sample = samples[index]
        image = cv2.resize(sample.image, size[::-1], interpolation=cv2.INTER_LINEAR)
        rgb = np.ascontiguousarray(image[:, :, ::-1].transpose(2, 0, 1))
        logits = predict(normalise(torch.from_numpy(rgb)[None].to(device)))
        full = F.interpolate(logits.float(), size=sample.labels.shape, mode='bilinear')
        confusion.add(sample.labels, full[0].argmax(0).cpu().numpy())
    return confusion
