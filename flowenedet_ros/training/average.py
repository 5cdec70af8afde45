"""Exponential moving average of a network's weights."""

from typing import Any

import torch
from torch import nn


class WeightAverage:
    """A smoothed copy of all weights and buffers.

    :param decay: share of the old average kept at each step, once warmed up.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.weights = {k: v.detach().clone() for k, v in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move the average towards the network's present weights."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for key, value in network.state_dict().items():
            average = self.weights[key]
            if average.is_floating_point():
                average.lerp_(value.to(average.dtype), 1 - decay)
            else:
                average.copy_(value)

    def state_dict(self) -> dict[str, Any]:
        """Give the averaged weights under the network's own names."""
        return self.weights

    def load_state_dict(self, weights: dict[str, Any]) -> None:
        """Go on from averaged weights of any device; `steps` is the caller's to restore."""
        self.weights = {k: v.to(self.weights[k].device) for k, v in weights.items()}
