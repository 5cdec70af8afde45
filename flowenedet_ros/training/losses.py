"""Losses for fitting a segmenter."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from flowenedet_ros.data.classes import OUTLIER, VOID


def class_weights(pixels: NDArray[np.int64]) -> Tensor:
    """Weights that lift rare classes, from pixels per class; their pixel-weighted mean is one.

    w_c = 1 / ln(1.1 + p_c), the bounded inverse-log form of ENet (arXiv 1606.02147) with a larger
    constant, so that the rarest class weighs about three and a half times the most common one.
    """
    share = pixels / pixels.sum()
    weights = 1 / np.log(1.1 + share)
    return torch.from_numpy(weights / (weights * share).sum()).float()


def segmentation_loss(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Weighted cross entropy at label resolution.

    :param logits: (N, C, h, w), at the logit stride.
    :param labels: uint8 (N, H, W); void and outliers are ignored.
    """
    full = upsample(logits, labels)
    targets = labels.long()
    targets = torch.where(targets == OUTLIER, VOID, targets)
    if bool((targets == VOID).all()):  # a batch of unlabelled views
        return full.sum() * 0
    return F.cross_entropy(full, targets, weights, ignore_index=VOID, label_smoothing=0.05)


def distillation_loss(logits: Tensor, teacher: Tensor, temperature: float = 2.0) -> Tensor:
    """Kullback-Leibler divergence from the teacher's softened classes (arXiv 1503.02531)."""
    if teacher.shape[2:] != logits.shape[2:]:
        teacher = F.interpolate(teacher, size=logits.shape[2:], mode='bilinear')
    student = F.log_softmax(logits / temperature, dim=1)
    target = F.log_softmax(teacher / temperature, dim=1)
    divergence = F.kl_div(student, target, reduction='none', log_target=True).sum(1).mean()
    return divergence * temperature**2


def hint_loss(projected: Tensor, teacher: Tensor) -> Tensor:
    """Mean cosine distance between the student's projected deep map and the teacher's.

    A hint on a middle layer (FitNets, arXiv 1412.6550) carries over what the teacher's encoder
    knows of pictures, which a few hundred labelled ones cannot teach.
    """
    if teacher.shape[2:] != projected.shape[2:]:
        teacher = F.interpolate(teacher, size=projected.shape[2:], mode='bilinear')
    return 1 - F.cosine_similarity(projected.float(), teacher.float(), dim=1).mean()


def upsample(logits: Tensor, labels: Tensor) -> Tensor:
    """Bring logits to the labels' size in float32."""
    return F.interpolate(logits.float(), size=labels.shape[1:], mode='bilinear')
