"""Per-channel affine layers that are initialised from the first training batch."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class _DataInitialised(nn.Module):
    """A layer that sets its parameters from the first batch it sees in training mode."""

    initialised: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(channels))
        self.log_scale = nn.Parameter(torch.zeros(channels))
        self.register_buffer('initialised', torch.tensor(False))

    def _initialise_once(self, x: Tensor) -> None:
        if self.training and not self.initialised:
            with torch.no_grad():
                self._initialise(x.mean(dim=(0, 2, 3)), x.std(dim=(0, 2, 3)))
                self.initialised.fill_(True)

    def _initialise(self, mean: Tensor, std: Tensor) -> None:
        raise NotImplementedError


def _per_channel(x: Tensor) -> Tensor:
    return x.view(1, -1, 1, 1)


class ActNorm(_DataInitialised):
    """Standardise each channel (Kingma and Dhariwal, Glow, 2018, section 3.1)."""

    def _initialise(self, mean: Tensor, std: Tensor) -> None:
        self.shift.copy_(mean)
        self.log_scale.copy_(-(std + 1e-6).log())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the standardised tensor and the log-determinant by channel, (1, C, 1, 1)."""
        self._initialise_once(x)
        log_scale = _per_channel(self.log_scale)
        return (x - _per_channel(self.shift)) * log_scale.exp(), log_scale

    def inverse(self, y: Tensor) -> Tensor:
        """Undo `forward`."""
        return y * _per_channel(-self.log_scale).exp() + _per_channel(self.shift)


class PublishedActNorm(_DataInitialised):
    """The released form: adds the mean instead of removing it and scales by 1 / (1 + std).

    Kept so that published figures can be reproduced (method section 4.1, B3).
    """

    def _initialise(self, mean: Tensor, std: Tensor) -> None:
        self.shift.copy_(mean)
        self.log_scale.copy_((std + 1e-6).log())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scaled and shifted tensor and the log-determinant by channel."""
        self._initialise_once(x)
        log_scale = _per_channel(-F.softplus(self.log_scale))
        return _per_channel(self.shift) + x * log_scale.exp(), log_scale

    def inverse(self, y: Tensor) -> Tensor:
        """Undo `forward`."""
        return (y - _per_channel(self.shift)) * _per_channel(F.softplus(self.log_scale)).exp()
