"""Energies of a pixel's logits, in float32 and in forms that neither saturate nor overflow."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

LOG_FLOOR = math.log(1e-6)
"""Smallest log p(out) of the published flow variables (method section 1.2)."""

_FINITE_SUM = 1e30
_MAX_ODDS = 30.0
_MAX_SECOND_ODDS = 10.0
_TINY = 1e-37


def softplus(x: Tensor) -> Tensor:
    """Return log(1 + exp(x)) from operations that every runtime has fast and stable."""
    return F.relu(x) + (1 + (-x.abs()).exp()).log()


class LogitSummary(NamedTuple):
    """What the flow and the baselines need of one pixel's logits."""

    top: Tensor
    """(N, 1, h, w) largest logit."""
    energy: Tensor
    """(N, 1, h, w) negative free energy, logsumexp of the logits."""
    first_odds: Tensor
    """(N, 1, h, w) log-odds of the most likely class against all others; at most 30."""
    second_odds: Tensor
    """(N, 1, h, w) log-odds of the second class among all but the first; at most 10."""
    winner: Tensor
    """(N, C, h, w) one-hot predicted class; more than one where classes tie."""


def finite_pixels(logits: Tensor) -> Tensor:
    """Tell pixels (N, 1, h, w) whose logits (N, C, h, w) are all finite."""
    # One reduction finds NaN and infinities alike; no real logit comes near the limit.
    return logits.float().sum(dim=1, keepdim=True).abs() < _FINITE_SUM


def sanitise(logits: Tensor) -> Tensor:
    """Replace pixels whose logits are not all finite by equal logits, the least certain answer.

    :param logits: (N, C, h, w) of any floating type.
    :returns: float32 (N, C, h, w).
    """
    return torch.where(finite_pixels(logits), logits.float(), 0.0)


def standardise(logits: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """Standardise the logits class by class with SML statistics of shape (C,).

    Source: Jung et al., Standardized Max Logits, arXiv 2107.11264, applied to the whole vector as
    FlowEneDet does.
    """
    shift, scale = mean.view(1, -1, 1, 1), variance.rsqrt().view(1, -1, 1, 1)
    return (logits.float() - shift) * scale


def negative_free_energy(logits: Tensor) -> Tensor:
    """Return logsumexp over the classes as (N, 1, h, w); high where the segmenter is at home."""
    logits = logits.float()
    top = logits.amax(dim=1, keepdim=True)
    return top + (logits - top).exp().sum(dim=1, keepdim=True).log()


def log_in_out(energy: Tensor) -> Tensor:
    """Turn energies (N, 1, h, w) into log p(in) and log p(out), (N, 2, h, w).

    log p(out) has the published floor of 1e-6, but in a form that keeps full precision where the
    published log(1e-6 + 1 - exp(log p(in))) cancels.
    """
    energy = energy.float()
    outside = torch.logaddexp(-F.softplus(energy), energy.new_tensor(LOG_FLOOR))
    return torch.cat([-F.softplus(-energy), outside], dim=1)


def summarise(logits: Tensor) -> LogitSummary:
    """Break the sorted softmax into log-odds without ever forming 1 - probability.

    :param logits: finite float32 (N, C, h, w), C at least 2.
    """
    top = logits.amax(dim=1, keepdim=True)
    # So that a NaN ties with all, as equal logits do.
    wins = torch.where(logits < top, 0.0, 1.0)
    ties = wins.sum(dim=1, keepdim=True)
    others = (logits - top).exp() - wins
    second = others.amax(dim=1, keepdim=True)
    # The share of all classes but one winner, relative to the winner.
    rest = others.sum(dim=1, keepdim=True) + (ties - 1)
    second = torch.where(ties > 1, 1.0, second)
    third = (rest - second + _TINY) / (second + _TINY)
    return LogitSummary(
        top=top,
        energy=top + (1 + rest).log(),
        first_odds=-rest.clamp(min=math.exp(-_MAX_ODDS)).log(),
        second_odds=-third.clamp(min=math.exp(-_MAX_SECOND_ODDS)).log(),
        winner=wins,
    )
