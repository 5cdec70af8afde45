"""Targets and losses of the detectors."""

import torch
import torch.nn.functional as F
from torch import Tensor

from flowenedet_ros.data.classes import OUTLIER, VOID

CORRECT, WRONG, OUTLYING = 0, 1, 2
"""Components of the concurrent detector."""

INLIER = 3
"""Target of a pixel of an unlabelled frame: correct or wrong, but no outlier."""

CLASS_WEIGHTS = (1.0, 2.0, 3.0)


def concurrent_target(predicted: Tensor, labels: Tensor) -> Tensor:
    """Tell correct, wrong and outlier pixels apart; void stays void (255).

    :param predicted: class ids (N, h, w).
    :param labels: class ids (N, h, w) with 254 for outliers and 255 for void.
    """
    target = torch.where(predicted == labels, CORRECT, WRONG)
    target = torch.where(labels == OUTLIER, OUTLYING, target)
    return torch.where(labels == VOID, VOID, target)


def published_target(logits: Tensor, labels: Tensor, padding: Tensor | None = None) -> Tensor:
    """Mark pixels whose label is not the prediction, void among them (method section 1.5).

    :param logits: (N, C, h, w); brought to the labels' size bilinearly.
    :param labels: (N, H, W).
    :param padding: true where a crop reaches beyond its image; ignored there, which the released
        code does not do.
    """
    logits = F.interpolate(logits, size=labels.shape[1:], mode='bilinear', align_corners=False)
    target = (logits.argmax(dim=1) != labels).long()
    return target if padding is None else target.masked_fill(padding, VOID)


def concurrent_loss(
    joint: Tensor,
    target: Tensor,
    *,
    emphasis: Tensor | None = None,
    class_weights: tuple[float, ...] = CLASS_WEIGHTS,
    likelihood: float = 0.0,
    dimensions: int = 4,
) -> Tensor:
    """Return weighted cross entropy of p(m | z, a) plus a share of -log p(z | a).

    With equal class weights and a likelihood of `dimensions` the sum is the exact negative
    log-likelihood of components and variables together.

    :param joint: log p(z, m | a), (N, 3, h, w); any class logits where `likelihood` is zero.
    :param target: 0, 1, 2, `INLIER`, or 255 for pixels to ignore, (N, h, w). An inlier's loss is
        that of p(correct) + p(wrong), with the weight of correct.
    :param emphasis: what each pixel counts for in the cross entropy, (N, h, w); None: one.
    :param likelihood: weight of the density, by dimension of z.
    """
    target = target.long()
    weights = joint.new_tensor(class_weights)
    # Written out, so that a crop of nothing but void gives zero and not NaN.
    inlier = target == INLIER
    known = target.masked_fill(inlier, VOID)
    losses = F.cross_entropy(joint, known, weights, ignore_index=VOID, reduction='none')
    partial = joint.logsumexp(dim=1) - joint[:, :OUTLYING].logsumexp(dim=1)
    losses = torch.where(inlier, weights[CORRECT] * partial, losses)
    valid = (target != VOID).to(joint.dtype)
    total = weights[target.masked_fill(inlier, CORRECT).clamp(max=OUTLYING)] * valid
    if emphasis is not None:
        losses, total = losses * emphasis, total * emphasis
    loss = losses.sum() / total.sum().clamp(min=1)
    if likelihood > 0:
        density = (joint.logsumexp(dim=1) * valid).sum() / valid.sum().clamp(min=1)
        loss = loss - likelihood * density / dimensions
    return loss


def published_loss(joint: Tensor, target: Tensor) -> Tensor:
    """Return the two-way cross entropy at the labels' resolution (method section 1.5).

    :param joint: (N, 2, h, w).
    :param target: 0, 1, or 255 for pixels to ignore, (N, H, W).
    """
    joint = F.interpolate(joint, size=target.shape[1:], mode='bilinear', align_corners=False)
    return F.cross_entropy(joint, target.long(), ignore_index=VOID)
