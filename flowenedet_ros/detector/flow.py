"""The conditional flow of a pixel's energies with three components: correct, wrong, outlier."""

import torch
from torch import Tensor, nn

from flowenedet_ros.detector.actnorm import ActNorm
from flowenedet_ros.detector.coupling import PixelCoupling
from flowenedet_ros.detector.features import VARIABLES
from flowenedet_ros.detector.invertible_conv import InvertibleConv
from flowenedet_ros.detector.mixture import GaussianMixture

COMPONENTS = 3


class EnergyFlow(nn.Module):
    """p(z, m | a): a bijection of the energies z under the context a, Gaussian by component.

    Priors and means of the components are read off the context, their covariances are constant
    because the couplings already scale the latent as the context says. One convolution of the
    context feeds everything.

    :param width: channels of the context.
    :param blocks: couplings, each with an invertible mixing before it.
    :param hidden: hidden channels of a coupling.
    """

    def __init__(self, width: int, blocks: int, hidden: int) -> None:
        super().__init__()
        self._parts = [COMPONENTS, COMPONENTS * VARIABLES] + [hidden] * blocks
        self.condition = nn.Conv2d(width, sum(self._parts), 1)
        self.norm = ActNorm(VARIABLES)
        self.mixing = nn.ModuleList(InvertibleConv(VARIABLES) for _ in range(blocks))
        self.couplings = nn.ModuleList(PixelCoupling(VARIABLES, hidden) for _ in range(blocks))
        self.gaussians = GaussianMixture(COMPONENTS, VARIABLES)

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Return the latent (N, 4, h, w) and the log-determinant by pixel, (N, 1, h, w)."""
        return self._transform(z, self._conditions(context)[2:])

    def inverse(self, u: Tensor, context: Tensor) -> Tensor:
        """Return the energies that a latent stands for."""
        conditions = self._conditions(context)[2:]
        steps = zip(self.mixing, self.couplings, conditions, strict=True)
        for mixing, coupling, condition in reversed(list(steps)):
            assert isinstance(mixing, InvertibleConv)
            assert isinstance(coupling, PixelCoupling)
            u = mixing.inverse(coupling.inverse(u, condition))
        return self.norm.inverse(u)

    def components(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Return log p(u, m | a) of the latent, (N, 3, h, w), and the log-determinant.

        Their sum is log p(z, m | a). The determinant is the same for all components and drops out
        of p(m | z, a); kept apart, it costs nothing where only that is asked.
        """
        conditions = self._conditions(context)
        prior, mean = conditions[:2]
        u, log_det = self._transform(z, conditions[2:])
        mixture: Tensor = self.gaussians(u, mean, prior.log_softmax(dim=1))
        return mixture, log_det

    def _conditions(self, context: Tensor) -> tuple[Tensor, ...]:
        """Return log-priors, whitened means and one condition for each coupling."""
        return tuple(torch.split(self.condition(context), self._parts, dim=1))

    def _transform(self, z: Tensor, conditions: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        z, log_det = self.norm(z)
        log_det = log_det.sum(dim=1, keepdim=True)
        for mixing, coupling, condition in zip(
            self.mixing, self.couplings, conditions, strict=True
        ):
            z, mixed = mixing(z)
            z, coupled = coupling(z, condition)
            log_det = log_det + mixed.sum(dim=1, keepdim=True) + coupled
        return z, log_det
