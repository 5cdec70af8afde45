"""The conditional flow of a pixel's energies with three components: correct, wrong, outlier."""

import torch
from torch import Tensor, nn

from flowenedet_ros.detector.coupling import PixelCoupling
from flowenedet_ros.detector.features import VARIABLES
from flowenedet_ros.detector.invertible_conv import InvertibleConv
from flowenedet_ros.detector.mixture import GaussianMixture

COMPONENTS = 3


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
        self._parts = [COMPONENTS, COMPONENTS * VARIABLES, hidden]
        self.mixing = nn.ModuleList(InvertibleConv(VARIABLES) for _ in range(couplings))
        self.couplings = nn.ModuleList(PixelCoupling(VARIABLES, hidden) for _ in range(couplings))
        self.gaussians = GaussianMixture(COMPONENTS, VARIABLES)

    @property
    def condition_channels(self) -> int:
        """Channels of the condition."""
        return sum(self._parts)

    def forward(self, z: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Return the latent (N, 4, h, w) and the log-determinant by pixel, (N, 1, h, w).

        :param z: (N, 4, h, w).
        :param condition: (N, condition_channels, h, w).
        """
        hidden = self._split(condition)[2]
        log_det = torch.zeros_like(z[:, :1])
        for mixing, coupling in zip(self.mixing, self.couplings, strict=True):
            z, mixed = mixing(z)
            z, coupled = coupling(z, hidden)
            log_det = log_det + mixed.sum(dim=1, keepdim=True) + coupled
        return z, log_det

    def inverse(self, u: Tensor, condition: Tensor) -> Tensor:
        """Return the energies that a latent stands for."""
        hidden = self._split(condition)[2]
        for mixing, coupling in reversed(list(zip(self.mixing, self.couplings, strict=True))):
            assert isinstance(mixing, InvertibleConv)
            assert isinstance(coupling, PixelCoupling)
            u = mixing.inverse(coupling.inverse(u, hidden))
        return u

    def posterior(self, z: Tensor, condition: Tensor) -> Tensor:
        """Return log p(m | z, a) up to a constant of the pixel, (N, 3, h, w).

        The log-determinant and the norm of the priors are the same for all components.
        """
        prior, mean, _ = self._split(condition)
        relative: Tensor = self.gaussians(self(z, condition)[0], mean, prior)
        return relative

    def joint(self, z: Tensor, condition: Tensor) -> Tensor:
        """Return log p(z, m | a), (N, 3, h, w)."""
        prior, mean, _ = self._split(condition)
        u, log_det = self(z, condition)
        joint: Tensor = self.gaussians(u, mean, prior.log_softmax(dim=1)) + log_det
        return joint

    def _split(self, condition: Tensor) -> tuple[Tensor, ...]:
        """Return log-priors, whitened means and the couplings' condition."""
        return tuple(torch.split(condition, self._parts, dim=1))
