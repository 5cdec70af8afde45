"""Scores that need no training, from the same frozen logits; higher is more suspicious."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from flowenedet_ros.detector.energies import sanitise
from flowenedet_ros.detector.sml import SmlStatistics

_TINY = 1e-37


class Baselines:
    """The scores of one batch of logits; what they have in common is computed once.

    :param logits: (N, C, h, w). Scores are (N, h, w).
    """

    def __init__(self, logits: Tensor) -> None:
        clean = sanitise(logits)
        self._top, self._winner = clean.max(dim=1, keepdim=True)
        self._gap = self._top - clean
        self._odds = (-self._gap).exp_()
        # Relative to the winner; of several that tie, one alone is the winner.
        self._others = self._odds.scatter(1, self._winner, 0.0)
        self._rest = self._others.sum(dim=1)

    def msp(self) -> Tensor:
        """Return the log-odds against the most likely class.

        The order is that of 1 - MSP, but confident pixels do not all become zero.
        Source: Hendrycks and Gimpel, arXiv 1610.02136.
        """
        return self._rest.clamp(min=_TINY).log()

    def entropy(self) -> Tensor:
        """Return the entropy of the softmax in nats, as a sum of positive terms."""
        spread = (self._others * self._gap).sum(dim=1)
        return torch.log1p(self._rest) + spread / (1 + self._rest)

    def max_logit(self) -> Tensor:
        """Return the negative of the largest logit. Source: arXiv 1911.11132."""
        return -self._top[:, 0]

    def energy(self) -> Tensor:
        """Return the free energy. Source: Liu et al., arXiv 2010.03759."""
        return -(self._top[:, 0] + self._odds.sum(dim=1).log())

    def sml(self, statistics: SmlStatistics) -> Tensor:
        """Return the negative standardised max logit. Source: arXiv 2107.11264."""
        value, predicted = self._top[:, 0], self._winner[:, 0]
        mean, variance = (x.to(value.device)[predicted] for x in statistics)
        return (mean - value) * variance.rsqrt()


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
    return Baselines(total - math.log(samples)).entropy()
