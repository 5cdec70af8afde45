"""Scores that need no training, from the same frozen logits; higher is more suspicious."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from flowenedet_ros.detector.energies import negative_free_energy, sanitise
from flowenedet_ros.detector.sml import SmlStatistics

_TINY = 1e-37


def msp(logits: Tensor) -> Tensor:
    """Return the log-odds against the most likely class, (N, h, w).

    The order is that of 1 - MSP, but confident pixels do not all become zero.
    Source: Hendrycks and Gimpel, arXiv 1610.02136.
    """
    _, others = _relative(logits)
    return others.sum(dim=1).clamp(min=_TINY).log()


def entropy(logits: Tensor) -> Tensor:
    """Return the entropy of the softmax in nats, (N, h, w), as a sum of positive terms."""
    gap, others = _relative(logits)
    rest = others.sum(dim=1)
    return torch.log1p(rest) + (others * gap).sum(dim=1) / (1 + rest)


def max_logit(logits: Tensor) -> Tensor:
    """Return the negative of the largest logit, (N, h, w). Source: arXiv 1911.11132."""
    return -sanitise(logits).amax(dim=1)


def energy(logits: Tensor) -> Tensor:
    """Return the free energy, (N, h, w). Source: Liu et al., arXiv 2010.03759."""
    return -negative_free_energy(sanitise(logits))[:, 0]


def sml(logits: Tensor, statistics: SmlStatistics) -> Tensor:
    """Return the negative standardised max logit, (N, h, w). Source: arXiv 2107.11264."""
    value, predicted = sanitise(logits).max(dim=1)
    mean, variance = (x.to(value.device)[predicted] for x in statistics)
    return (mean - value) * variance.rsqrt()


def baseline_scores(logits: Tensor, statistics: SmlStatistics) -> dict[str, Tensor]:
    """Return every score by the name that tables use, each (N, h, w) for both tasks."""
    return {
        'msp': msp(logits),
        'entropy': entropy(logits),
        'max_logit': max_logit(logits),
        'energy': energy(logits),
        'sml': sml(logits, statistics),
    }


def mc_dropout(
    embedding: Tensor,
    classifier: Callable[[Tensor], Tensor],
    *,
    samples: int = 32,
    rate: float = 0.5,
    seed: int = 0,
) -> Tensor:
    """Return the entropy of the mean softmax under dropout of embedding channels, (N, h, w).

    :param embedding: (N, V, h, w) input of the segmenter's final classifier.
    :param classifier: gives logits (N, C, h, w); its own dropout must be off.
    :param samples: passes of the classifier.
    :param rate: share of channels dropped.
    """
    generator = torch.Generator(embedding.device).manual_seed(seed)
    total: Tensor | None = None
    for _ in range(samples):
        shape = (*embedding.shape[:2], 1, 1)
        kept = torch.rand(shape, generator=generator, device=embedding.device) >= rate
        logits = sanitise(classifier(embedding * kept / (1 - rate)))
        log_softmax = F.log_softmax(logits, dim=1)
        total = log_softmax if total is None else torch.logaddexp(total, log_softmax)
    if total is None:
        raise ValueError('mc_dropout needs at least one sample')
    return entropy(total - math.log(samples))


def _relative(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return distances to the largest logit and exp(-distance) of all but one winner."""
    clean = sanitise(logits)
    top, winner = clean.max(dim=1, keepdim=True)
    gap = top - clean
    return gap, (-gap).exp().scatter(1, winner, 0.0)
