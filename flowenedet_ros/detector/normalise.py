"""Normalisation of features by the statistics of some training images."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowenedet_ros.detector.errors import DetectorError

_LIMIT = 8.0


class Statistics(nn.Module):
    """Mean and standard deviation by channel."""

    mean: Tensor
    std: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer('mean', torch.zeros(channels))
        self.register_buffer('std', torch.ones(channels))


class Normaliser(Statistics):
    """Standardise channels and limit them to 8 deviations."""

    def forward(self, x: Tensor) -> Tensor:
        """Return values in [-8, 8] of the shape of `x`."""
        scale = self.std.reciprocal()
        x = x * scale.view(1, -1, 1, 1) - (self.mean * scale).view(1, -1, 1, 1)
        return x.clamp(-_LIMIT, _LIMIT)

    def restore(self, x: Tensor, channel: int) -> Tensor:
        """Return one channel, (N, h, w), in its own units."""
        return x[:, channel] * self.std[channel] + self.mean[channel]


class NormalisedProjection(Statistics):
    """Convolution of standardised channels, at the cost of the convolution alone.

    :param stride: between the pixels, or the square cells of `kernel` pixels, that are read.
    :param kernel: 1 or `stride`.
    """

    def __init__(self, channels: int, width: int, stride: int = 1, kernel: int = 1) -> None:
        super().__init__(channels)
        self._stride = stride
        self.projection = nn.Conv2d(channels, width, kernel, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, width, ceil(h / stride), ceil(w / stride)); cells repeat the last row."""
        weight = self.projection.weight / self.std.view(1, -1, 1, 1)
        bias = -(weight * self.mean.view(1, -1, 1, 1)).sum((1, 2, 3))
        below, right = (-size % weight.shape[-1] for size in x.shape[2:])
        if below or right:
            x = F.pad(x, (0, right, 0, below), mode='replicate')
        return F.conv2d(x.float(), weight, bias, self._stride)


class Moments:
    """Sums over the pixels of maps, for mean and standard deviation by channel."""

    def __init__(self) -> None:
        self._pixels = 0
        self._total = torch.zeros(1, dtype=torch.float64)
        self._square = torch.zeros(1, dtype=torch.float64)

    def add(self, x: Tensor) -> None:
        """Take in a map (N, C, h, w); pixels with a value that is not finite do not count."""
        rows = x.movedim(1, -1).flatten(0, -2).double().cpu()
        rows = rows[rows.isfinite().all(dim=1)]
        self._pixels += len(rows)
        self._total = self._total + rows.sum(dim=0)
        self._square = self._square + rows.square().sum(dim=0)

    def set(self, statistics: Statistics) -> None:
        """Write mean and standard deviation.

        :raises DetectorError: there was no pixel with finite values.
        """
        if self._pixels == 0:
            raise DetectorError(
                'the normalisation needs at least one pixel with finite logits and features; check '
                'the segmenter and the training images'
            )
        mean = self._total / self._pixels
        variance = (self._square / self._pixels - mean.square()).clamp(min=1e-8)
        statistics.mean.copy_(mean)
        statistics.std.copy_(variance.sqrt())


def fit_statistics(batches: Iterable[dict[Statistics, Tensor]]) -> None:
    """Set each module's statistics from the maps it will be given, in one pass.

    :raises DetectorError: there was no pixel with finite values.
    """
    moments: dict[Statistics, Moments] = {}
    for batch in batches:
        for module, x in batch.items():
            moments.setdefault(module, Moments()).add(x)
    if not moments:
        raise DetectorError('the normalisation needs at least one training image and got none')
    for module, sums in moments.items():
        sums.set(module)
