"""Affine couplings: one part of a pixel's channels is scaled and shifted as the other part says."""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def split_kept(z: Tensor, kept: int) -> tuple[Tensor, Tensor]:
    """Split two channels into the kept one, whose index is given, and the moved one."""
    return z[:, kept : kept + 1], z[:, 1 - kept : 2 - kept]


def join_kept(kept: Tensor, moved: Tensor, index: int) -> Tensor:
    """Undo `split_kept`."""
    return torch.cat([moved, kept] if index else [kept, moved], dim=1)


def _subnet(channels: int) -> nn.Sequential:
    """Build the published sub-network: 1x1, 7x7, 1x1 with sigmoids and dropout."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, 1),
        nn.Sigmoid(),
        nn.Conv2d(channels, channels, 7, padding=3, padding_mode='reflect'),
        nn.Sigmoid(),
        nn.Dropout2d(0.2),
        nn.Conv2d(channels, 2, 1),
    )


class Coupling(nn.Module):
    """Coupling of two channels over an image (RealNVP), a true bijection.

    :param kept: the channel, 0 or 1, that passes unchanged.
    :param condition: channels of the condition, 0 for none.
    """

    def __init__(self, kept: int, condition: int) -> None:
        super().__init__()
        self._kept = kept
        self.subnet = _subnet(2 + condition)

    def _affine(self, kept: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return log-scale and shift of the moved channel."""
        masked = join_kept(kept, torch.zeros_like(kept), self._kept)
        raw, shift = self.subnet(_with_condition(masked, condition)).chunk(2, dim=1)
        return -F.softplus(raw), shift

    def forward(self, z: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the coupled channels and the log-determinant by channel, both (N, 2, h, w)."""
        kept, moved = split_kept(z, self._kept)
        log_scale, shift = self._affine(kept, condition)
        coupled = join_kept(kept, moved * log_scale.exp() + shift, self._kept)
        return coupled, join_kept(torch.zeros_like(log_scale), log_scale, self._kept)

    def inverse(self, y: Tensor, condition: Tensor | None = None) -> Tensor:
        """Undo `forward`."""
        kept, moved = split_kept(y, self._kept)
        log_scale, shift = self._affine(kept, condition)
        return join_kept(kept, (moved - shift) * (-log_scale).exp(), self._kept)


class PublishedCoupling(nn.Module):
    """The released form, which is no bijection where there is no condition.

    Without a condition its sub-network sees the channel that it transforms (method section 4.1,
    B1), and scale and shift share all weights (B2). Kept so that published figures can be
    reproduced.
    """

    def __init__(self, kept: int, condition: int) -> None:
        super().__init__()
        self._kept = kept
        self.subnet = _subnet(2 + condition)

    def forward(self, z: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the coupled channels and the claimed log-determinant by channel."""
        kept, moved = split_kept(z, self._kept)
        seen = z
        if condition is not None:
            seen = join_kept(kept, torch.zeros_like(kept), self._kept)
        seen = _with_condition(seen, condition)
        output = self.subnet(seen)
        # Two passes differ by their dropout draws alone.
        shifts = self.subnet(seen) if self.training else output
        log_scale = -F.softplus(split_kept(output, self._kept)[1])
        shift = split_kept(shifts, self._kept)[1]
        coupled = join_kept(kept, moved * log_scale.exp() + shift, self._kept)
        return coupled, join_kept(torch.zeros_like(log_scale), log_scale, self._kept)


class PixelCoupling(nn.Module):
    """Coupling within a pixel: the first half of its channels and a condition move the second.

    The condition arrives already projected to the hidden width, so that one convolution of the
    caller serves all couplings.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self._parts = [channels // 2, channels - channels // 2]
        self.enter = nn.Conv2d(self._parts[0], hidden, 1, bias=False)
        self.leave = nn.Conv2d(hidden, 2 * self._parts[1], 1)
        with torch.no_grad():
            # Near the identity at first, so that the flow starts as an affine map.
            self.leave.weight.mul_(0.1)
            self.leave.bias.zero_()  # type: ignore[union-attr]

    def _affine(self, z: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Return bounded log-scale and shift of all channels, zero for the kept ones.

        Zeros in the weights of convolutions cost runtimes less than splitting and joining maps.
        """
        kept, moved = self._parts
        enter = F.pad(self.enter.weight, (0, 0, 0, 0, 0, moved))
        hidden = F.relu(F.conv2d(z, enter) + condition)
        raw, shift = (
            F.conv2d(hidden, F.pad(weight, (0, 0, 0, 0, 0, 0, kept, 0)), F.pad(bias, (kept, 0)))
            for weight, bias in zip(
                self.leave.weight.chunk(2), cast(Tensor, self.leave.bias).chunk(2), strict=True
            )
        )
        return torch.tanh(raw), shift

    def forward(self, z: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Return the coupled channels and the log-determinant by pixel, (N, 1, h, w)."""
        log_scale, shift = self._affine(z, condition)
        return z * log_scale.exp() + shift, log_scale.sum(dim=1, keepdim=True)

    def inverse(self, y: Tensor, condition: Tensor) -> Tensor:
        """Undo `forward`."""
        log_scale, shift = self._affine(y, condition)
        return (y - shift) * (-log_scale).exp()


def _with_condition(z: Tensor, condition: Tensor | None) -> Tensor:
    return z if condition is None else torch.cat([z, condition], dim=1)
