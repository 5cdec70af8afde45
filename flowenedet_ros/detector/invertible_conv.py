"""Learned invertible mixing of a pixel's channels."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class InvertibleConv(nn.Module):
    """1x1 convolution with a square weight (Glow, section 3.2), orthogonal at first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.orthogonal_(torch.empty(channels, channels)))

    def log_abs_det(self) -> Tensor:
        """Return log |det W|, a scalar."""
        if len(self.weight) == 2:
            # In full, because exporters know no determinant.
            (a, b), (c, d) = self.weight
            log_det: Tensor = (a * d - b * c).abs().log()
        else:
            log_det = torch.linalg.slogdet(self.weight).logabsdet
        return log_det

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mixed channels and the log-determinant, shared evenly among them."""
        log_det = self.log_abs_det() / len(self.weight)
        return self.mix(x), log_det.expand(1, len(self.weight), 1, 1)

    def mix(self, x: Tensor) -> Tensor:
        """Return the mixed channels alone."""
        return F.conv2d(x, self.weight[:, :, None, None])

    def inverse(self, y: Tensor) -> Tensor:
        """Undo `forward`."""
        return F.conv2d(y, torch.linalg.inv(self.weight)[:, :, None, None])
