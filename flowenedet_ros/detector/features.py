"""From a segmenter's output to the inputs of the concurrent detector: statistics, no weights."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowenedet_ros.detector.energies import negative_free_energy, standardise, summarise
from flowenedet_ros.detector.errors import DetectorError
from flowenedet_ros.detector.postprocess import class_borders
from flowenedet_ros.segmenters.interface import SegmenterOutput

VARIABLES = 4
"""Flow variables of a pixel: standardised energy, energy, first and second log-odds."""

_LIMIT = 8.0
_SPREAD_FLOOR = 1e-4


def pool_channels(x: Tensor, limit: int) -> Tensor:
    """Average neighbouring channels into the largest even grouping of at most `limit` groups."""
    groups = pooled_channels(x.shape[1], limit)
    return x if groups == x.shape[1] else torch.unflatten(x, 1, (groups, -1)).mean(dim=2)


def pooled_channels(channels: int | None, limit: int) -> int:
    """Return how many channels `pool_channels` leaves; none of none."""
    if channels is None:
        return 0
    return next(groups for groups in range(limit, 0, -1) if channels % groups == 0)


def flow_variables(logits: Tensor, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
    """Return the four flow variables, (N, 4, h, w), and the one-hot predicted class.

    The energies say how much evidence there is for any class, the log-odds how it is shared
    between the first class and the rest and, within the rest, between the second and the others.
    Together they are a change of coordinates of the two largest logits and of the mass of the
    others, so that a density over them means something and is not degenerate.

    :param mean: SML mean by class, (C,).
    :param variance: SML variance by class, (C,).
    """
    summary = summarise(logits)
    standardised = negative_free_energy(standardise(logits, mean, variance))
    z = [standardised, summary.energy, summary.first_odds, summary.second_odds]
    return torch.cat(z, dim=1), summary.winner


def ring_statistics(z: Tensor) -> Tensor:
    """Return mean and spread of each channel over two rings around, and without, the pixel.

    :param z: (N, D, h, w), of order one.
    :returns: (N, 4 D, h, w): means and standard deviations over the 8 nearest pixels, then over
        the 40 of the 7x7 window beyond them; pixels outside the image do not count.
    """
    moments = torch.cat([z, z * z], dim=1)
    ones = torch.ones_like(z[:1, :1])
    near, far = _window_sum(moments, 3), _window_sum(moments, 7)
    near_count, far_count = _window_sum(ones, 3), _window_sum(ones, 7)
    rings = (
        (near - moments) / (near_count - 1).clamp(min=1),
        (far - near) / (far_count - near_count).clamp(min=1),
    )
    statistics: list[Tensor] = []
    for ring in rings:
        mean, square = ring.chunk(2, dim=1)
        statistics += [mean, (square - mean * mean).clamp(min=_SPREAD_FLOOR).sqrt()]
    return torch.cat(statistics, dim=1)


class Moments(NamedTuple):
    """Sums over pixels of a map's channels, for its mean and standard deviation."""

    pixels: int
    total: Tensor
    square: Tensor

    def add(self, x: Tensor) -> 'Moments':
        """Take in a map (N, C, h, w); pixels with a value that is not finite do not count."""
        rows = x.movedim(1, -1).flatten(0, -2).double()
        rows = rows[rows.isfinite().all(dim=1)]
        return Moments(
            self.pixels + len(rows), self.total + rows.sum(0), self.square + rows.square().sum(0)
        )


class Normaliser(nn.Module):
    """Standardise channels, replace what is not finite by the mean, limit to 8 deviations."""

    mean: Tensor
    std: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer('mean', torch.zeros(channels))
        self.register_buffer('std', torch.ones(channels))

    def set_moments(self, moments: Moments) -> None:
        """Take mean and standard deviation from sums over pixels."""
        mean = moments.total / moments.pixels
        variance = (moments.square / moments.pixels - mean.square()).clamp(min=1e-8)
        self.mean.copy_(mean)
        self.std.copy_(variance.sqrt())

    def forward(self, x: Tensor) -> Tensor:
        """Return values in [-8, 8] of the shape of `x`."""
        x = (x.float() - self.mean.view(1, -1, 1, 1)) * self.std.reciprocal().view(1, -1, 1, 1)
        return torch.where(x.isnan(), 0.0, x).clamp(-_LIMIT, _LIMIT)

    def restore(self, x: Tensor, channel: int) -> Tensor:
        """Return one channel, (N, h, w), in its own units."""
        return x[:, channel] * self.std[channel] + self.mean[channel]


class FeatureExtractor(nn.Module):
    """Flow variables first, then the context that they are judged by.

    The context holds nothing of the pixel's own energies but its predicted class: rings around it,
    how near class borders are, and the segmenter's features. So log p(z | a) says how surprising
    a pixel's energies are where it stands, instead of repeating them.

    :param classes: number of classes C.
    :param embedding_channels: of the segmenter, None to do without.
    :param deep_channels: of the segmenter, None to do without.
    :param pooled: channels that each of the two maps is pooled to, at most.
    """

    def __init__(
        self,
        classes: int,
        embedding_channels: int | None,
        deep_channels: int | None,
        pooled: int,
    ) -> None:
        super().__init__()
        self._pooled = pooled
        maps = (embedding_channels, deep_channels)
        embedding, deep = (pooled_channels(channels, pooled) for channels in maps)
        self.variables = Normaliser(VARIABLES)
        self.embedding = Normaliser(embedding) if embedding else None
        self.deep = Normaliser(deep) if deep else None
        self.channels = VARIABLES + 4 * VARIABLES + 1 + classes + embedding + deep

    def forward(self, output: SegmenterOutput, mean: Tensor, variance: Tensor) -> Tensor:
        """Return float32 features (N, F, h, w), all within [-8, 8].

        :param output: with finite logits.
        :param mean: SML mean by class, (C,).
        :param variance: SML variance by class, (C,).
        """
        raw, winner = flow_variables(output.logits, mean, variance)
        z = self.variables(raw)
        parts = [z, ring_statistics(z), _border_density(winner), winner]
        embedding, deep = self._maps(output)
        if self.embedding is not None and embedding is not None:
            parts.append(self.embedding(embedding))
        if self.deep is not None and deep is not None:
            # Normalised where it is small; interpolation keeps the range.
            parts.append(
                F.interpolate(
                    self.deep(deep), size=z.shape[2:], mode='bilinear', align_corners=False
                )
            )
        return torch.cat(parts, dim=1)

    def fit(self, outputs: Iterable[SegmenterOutput], mean: Tensor, variance: Tensor) -> None:
        """Set the normalisation from the outputs of some training images, in one pass.

        :raises DetectorError: there was no pixel with finite values.
        """
        sums: dict[str, Moments] = {}
        for output in outputs:
            embedding, deep = self._maps(output)
            seen = {'embedding': embedding, 'deep': deep}
            seen['variables'] = flow_variables(output.logits, mean, variance)[0]
            for name, x in seen.items():
                if getattr(self, name) is not None and x is not None:
                    zero = torch.zeros(x.shape[1], dtype=torch.float64, device=x.device)
                    sums[name] = sums.get(name, Moments(0, zero, zero)).add(x)
        if not sums or any(moments.pixels == 0 for moments in sums.values()):
            raise DetectorError(
                'the normalisation needs at least one image with finite logits and features; '
                'check the segmenter and the training images'
            )
        for name, moments in sums.items():
            getattr(self, name).set_moments(moments)

    def _maps(self, output: SegmenterOutput) -> tuple[Tensor | None, Tensor | None]:
        """Pool the segmenter's two maps."""
        maps = (output.embedding, output.deep)
        embedding, deep = (
            None if x is None else pool_channels(x.float(), self._pooled) for x in maps
        )
        return embedding, deep


def _window_sum(x: Tensor, size: int) -> Tensor:
    """Sum over a square window, one axis after the other; nothing lies outside the image."""
    x = F.avg_pool2d(x, (1, size), 1, (0, size // 2))
    return F.avg_pool2d(x, (size, 1), 1, (size // 2, 0)) * size**2


def _border_density(winner: Tensor) -> Tensor:
    """Return the share of class borders in the 7x7 window, (N, 1, h, w)."""
    classes = torch.arange(winner.shape[1], dtype=winner.dtype, device=winner.device)
    labels = F.conv2d(winner, classes.view(1, -1, 1, 1))
    return _window_sum(class_borders(labels), 7) / 49
