"""The conditional flow of a pixel's energies with three components: correct, wrong, outlier."""

from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowenedet_ros.detector.context_net import voice
from flowenedet_ros.detector.coupling import PixelCoupling
from flowenedet_ros.detector.features import VARIABLES, enlarge
from flowenedet_ros.detector.invertible_conv import InvertibleConv
from flowenedet_ros.detector.mixture import GaussianMixture, over_first

COMPONENTS = 3


class Condition(NamedTuple):
    """What the context says of a pixel, at the resolution of the flow variables."""

    prior: Tensor
    """(N, 3, h, w) log p(m | a) up to a constant of the pixel, or (N, 2, h, w) the log-odds of
    wrong and of outlier against correct."""
    mean: Tensor
    """(N, 12, h, w) means of the components, whitened and negated."""
    hidden: Tensor
    """(N, H, h, w) input of the couplings' sub-networks."""


class ConditionNet(nn.Module):
    """Read the condition off a context of half the resolution.

    All of it is linear in the context, of which each of two experts has half of the channels, so
    that the log-odds of their priors add up: a product of experts (Hinton 2002). Once trained, the
    deeper map's expert has the smaller say, since pasted outliers flatter it: the encoder sees how
    they were pasted. In the prior log-odds of wrong against correct both say as much.

    :param width: channels of the context. :param hidden: of the couplings' sub-networks.
    :param say: of each expert, with a mean of one.
    """

    say: Tensor

    def __init__(self, width: int, hidden: int, say: tuple[float, ...] = (1.0,)) -> None:
        super().__init__()
        self.register_buffer('say', voice(say, width), persistent=False)
        self.prior = nn.Conv2d(width, COMPONENTS, 1)
        self.mean = nn.Conv2d(width, COMPONENTS * VARIABLES, 1)
        self.hidden = nn.Conv2d(width, hidden, 1)

    def forward(
        self, context: Tensor, size: tuple[int, int], *, relative: bool = False
    ) -> Condition:
        """Return the condition at (height, width).

        :param relative: give log-odds for the prior.
        """
        weights = self._weights()
        biases = [cast(Tensor, layer.bias) for layer in (self.prior, self.mean, self.hidden)]
        if relative:
            weights[0], biases[0] = over_first(weights[0]), over_first(biases[0])
        # One convolution and one enlargement cost less than three.
        maps = enlarge(F.conv2d(context, torch.cat(weights), torch.cat(biases)), 2, size)
        return Condition(*torch.split(maps, [len(rows) for rows in weights], dim=1))

    def _weights(self) -> list[Tensor]:
        """Return the weights of prior, mean and hidden, by the experts' say."""
        weights = [self.prior.weight, self.mean.weight, self.hidden.weight]
        if self.training:
            return weights
        prior, mean, hidden = (weight * self.say for weight in weights)
        wrong = self.prior.weight[1:2] + (prior[:1] - self.prior.weight[:1])
        return [torch.cat([prior[:1], wrong, prior[2:]]), mean, hidden]


class EnergyFlow(nn.Module):
    """p(z, m | a): a bijection of the energies z under the condition a, Gaussian by component.

    Priors and means of the components are read off the condition, their covariances are constant
    because the couplings already scale the latent as the condition says. The variables arrive
    normalised, so that the invertible mixings need no ActNorm.

    :param couplings: each with an invertible mixing before it.
    :param hidden: hidden channels of a coupling; all share one condition.
    """

    def __init__(self, couplings: int, hidden: int) -> None:
        super().__init__()
        self.mixing = nn.ModuleList(InvertibleConv(VARIABLES) for _ in range(couplings))
        self.couplings = nn.ModuleList(PixelCoupling(VARIABLES, hidden) for _ in range(couplings))
        self.gaussians = GaussianMixture(COMPONENTS, VARIABLES)

    def forward(self, z: Tensor, condition: Condition) -> tuple[Tensor, Tensor]:
        """Return the latent (N, 4, h, w) and the log-determinant by pixel, (N, 1, h, w)."""
        log_det = torch.zeros_like(z[:, :1])
        for mixing, coupling in zip(self.mixing, self.couplings, strict=True):
            z, mixed = mixing(z)
            z, coupled = coupling(z, condition.hidden)
            log_det = log_det + mixed.sum(dim=1, keepdim=True) + coupled
        return z, log_det

    def inverse(self, u: Tensor, condition: Condition) -> Tensor:
        """Return the energies that a latent stands for."""
        for mixing, coupling in reversed(list(zip(self.mixing, self.couplings, strict=True))):
            assert isinstance(mixing, InvertibleConv)
            assert isinstance(coupling, PixelCoupling)
            u = mixing.inverse(coupling.inverse(u, condition.hidden))
        return u

    def odds(self, z: Tensor, condition: Condition) -> Tensor:
        """Return the log-odds of wrong and of outlier against correct, (N, 2, h, w).

        The log-determinant and the norm of the priors are the same for all components.

        :param condition: relative.
        """
        u, _ = self(z, condition)
        relative: Tensor = self.gaussians.relative(u, condition.mean, condition.prior)
        return relative

    def joint(self, z: Tensor, condition: Condition) -> Tensor:
        """Return log p(z, m | a), (N, 3, h, w)."""
        u, log_det = self(z, condition)
        prior = condition.prior.log_softmax(dim=1)
        joint: Tensor = self.gaussians(u, condition.mean, prior) + log_det
        return joint
