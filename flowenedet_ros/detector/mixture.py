"""Base densities of the flows, by component of the mixture."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_UNIT_SOFTPLUS = 1 / math.log(2)  # softplus(0) times this is one


class PrecisionFactor(nn.Module):
    """Lower-triangular factors U of precision matrices U^T U, identity at first.

    :param factors: number of factors.
    :param channels: size of each.
    """

    def __init__(self, factors: int, channels: int) -> None:
        super().__init__()
        self._channels = channels
        self.diagonal = nn.Parameter(torch.zeros(factors, channels))
        self.below = nn.Parameter(torch.zeros(factors, channels * (channels - 1) // 2))

    def matrix(self) -> Tensor:
        """Return the factors, (factors, channels, channels)."""
        matrix = torch.diag_embed(_UNIT_SOFTPLUS * F.softplus(self.diagonal))
        rows, columns = torch.tril_indices(self._channels, self._channels, -1)
        lower = torch.zeros_like(matrix)
        lower[:, rows, columns] = self.below
        return matrix + lower

    def log_diagonal(self) -> Tensor:
        """Return the logarithms of the diagonals, (factors, channels)."""
        return (_UNIT_SOFTPLUS * F.softplus(self.diagonal)).log()


class CoordinateMixture(nn.Module):
    """The published head: component m of the mixture is latent coordinate m.

    r_m = -softplus(w_m) + log U_mm - 0.5 [U (u - mu)]_m^2 + the log-determinant of channel m; the
    normalising constant is left out as in the released code (method section 1.4).
    """

    def __init__(self) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(2))
        self.weight = nn.Parameter(torch.zeros(2))
        self.factor = PrecisionFactor(1, 2)

    def forward(self, u: Tensor, log_det: Tensor) -> Tensor:
        """Return r of correct and wrong, (N, 2, h, w), from latents and log-determinants."""
        factor = self.factor.matrix()[0]
        distance = F.conv2d(u - self.mean.view(1, 2, 1, 1), factor[:, :, None, None])
        constant = self.factor.log_diagonal()[0] - F.softplus(self.weight)
        return constant.view(1, 2, 1, 1) - 0.5 * distance.square() + log_det


class GaussianMixture(nn.Module):
    """Full Gaussians by component, their means and weights given from outside.

    :param components: number M of components.
    :param channels: dimension D of the latent.
    :param shared: give all components one covariance.
    """

    def __init__(self, components: int, channels: int, *, shared: bool = False) -> None:
        super().__init__()
        self._components = components
        self._channels = channels
        self.factor = PrecisionFactor(1 if shared else components, channels)

    def forward(self, u: Tensor, offset: Tensor, log_prior: Tensor) -> Tensor:
        """Return log pi_m + log N(u; mu_m, Sigma_m), (N, M, h, w).

        :param u: (N, D, h, w).
        :param offset: -U_m mu_m, (N or 1, M * D, h or 1, w or 1).
        :param log_prior: log pi_m, (N or 1, M, h or 1, w or 1), normalised.
        """
        return log_prior + F.conv2d(self._squares(u, offset), self._sums(), self._volumes())

    def relative(self, u: Tensor, offset: Tensor, log_odds: Tensor) -> Tensor:
        """Return log-odds of the other components against the first, (N, M - 1, h, w).

        :param log_odds: of their priors, (N or 1, M - 1, h or 1, w or 1).
        """
        weight, bias = over_first(self._sums()), over_first(self._volumes())
        return log_odds + F.conv2d(self._squares(u, offset), weight, bias)

    def _squares(self, u: Tensor, offset: Tensor) -> Tensor:
        factor = self.factor.matrix().expand(self._components, -1, -1).flatten(0, 1)
        distance = F.conv2d(u, factor[:, :, None, None]) + offset
        return distance * distance

    def _sums(self) -> Tensor:
        """Sum by component, as the convolution that runtimes do fastest."""
        sums = -0.5 * torch.eye(self._components, device=self.factor.diagonal.device)
        return sums.repeat_interleave(self._channels, dim=1)[:, :, None, None]

    def _volumes(self) -> Tensor:
        constant = 0.5 * self._channels * math.log(2 * math.pi)
        return (self.factor.log_diagonal().sum(dim=1) - constant).expand(self._components)


def over_first(x: Tensor) -> Tensor:
    """Subtract the first row from the others and leave it out."""
    return x[1:] - x[:1]
