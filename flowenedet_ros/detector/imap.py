"""Invertible attention between the two channels of a pixel (iMap, arXiv 2106.03959)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowenedet_ros.detector.coupling import join_kept, split_kept


class IMap(nn.Module):
    """Scale one channel by an attention of the other, and the other by a learned constant.

    :param kept: the channel, 0 or 1, that the attention is computed from.
    :param published: add the attention's log-determinant to both channels as the released code does
        (method section 4.1, B4); the true one belongs to the scaled channel alone.
    """

    def __init__(self, kept: int, *, published: bool) -> None:
        super().__init__()
        self._kept = kept
        self._published = published
        self.attention = nn.Conv1d(2, 2, 1)
        self.kept_scale = nn.Parameter(torch.randn(2))

    def _log_scales(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        """Return the log-scales of the kept and of the moved channel."""
        masked = join_kept(kept, torch.zeros_like(kept), self._kept)
        response = self.attention(masked.flatten(2)).mean(dim=1, keepdim=True)
        moved = -F.softplus(response.view_as(kept))
        return -F.softplus(self.kept_scale[self._kept]).expand_as(kept), moved

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return scaled channels and the log-determinant by channel, both (N, 2, h, w)."""
        kept, moved = split_kept(z, self._kept)
        log_kept, log_moved = self._log_scales(kept)
        scaled = join_kept(kept * log_kept.exp(), moved * log_moved.exp(), self._kept)
        if self._published:
            log_kept = log_kept + log_moved
        return scaled, join_kept(log_kept, log_moved, self._kept)

    def inverse(self, y: Tensor) -> Tensor:
        """Undo `forward`."""
        kept, moved = split_kept(y, self._kept)
        kept = kept * F.softplus(self.kept_scale[self._kept]).exp()
        _, log_moved = self._log_scales(kept)
        return join_kept(kept, moved * (-log_moved).exp(), self._kept)
