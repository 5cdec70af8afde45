"""From a segmenter's output to the inputs of a detector: statistics, no trained weights."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowenedet_ros.detector.energies import standardise, summarise
from flowenedet_ros.detector.normalise import Normaliser
from flowenedet_ros.segmenters.blocks import halve, shrink
from flowenedet_ros.segmenters.interface import SegmenterOutput

VARIABLES = 4
"""Flow variables of a pixel: standardised energy, energy, first and second log-odds."""

_SPREAD_FLOOR = 1e-4


class Features(NamedTuple):
    """What a detector reads of a batch."""

    fine: Tensor
    """(N, F, h, w) at the resolution of the logits."""
    coarse: Tensor | None = None
    """(N, G, ceil(h / 2), ceil(w / 2)) the logits around a pixel."""
    embedding: Tensor | None = None
    """(N, V, h, w) the segmenter's embedding, of which every second row and column is read."""
    deep: Tensor | None = None
    """(N, D, h', w') the segmenter's deeper map as it is."""


def pool_channels(x: Tensor, groups: int) -> Tensor:
    """Average neighbouring channels; their number has to be a multiple of `groups`."""
    return torch.unflatten(x, 1, (groups, -1)).mean(dim=2)


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
    # Without the usual shift by the largest: what overflows is limited to 8 deviations anyway.
    standardised = standardise(logits, mean, variance).exp().sum(dim=1, keepdim=True).log()
    z = [standardised, summary.energy, summary.first_odds, summary.second_odds]
    return torch.cat(z, dim=1), summary.winner


class FeatureExtractor(nn.Module):
    """Flow variables, and at half their resolution the context that they are judged by.

    Of the energies the context has only rings that leave out the pixel's own 2x2 cell, and of the
    embedding one vector for each cell. So log p(z | a) says how surprising a pixel's energies are
    where it stands; not in full, as the embedding tells much of the logits made from it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.variables = Normaliser(VARIABLES)

    def forward(
        self, output: SegmenterOutput, good: Tensor, mean: Tensor, variance: Tensor
    ) -> Features:
        """Return float32 features; `fine` is within [-8, 8].

        :param good: (N, 1, h, w) false where logits are not finite; such pixels are given the
            variables of equal logits.
        :param mean: SML mean by class, (C,).
        :param variance: SML variance by class, (C,).
        """
        logits = output.logits.float()
        raw, winner = flow_variables(logits, mean, variance)
        blank, _ = flow_variables(torch.zeros_like(logits[:1, :, :1, :1]), mean, variance)
        z = self.variables(torch.where(good, raw, blank))
        classes = halve(winner)
        coarse = torch.cat([ring_statistics(z), classes, class_mixture(classes)], dim=1)
        return Features(z, coarse, output.embedding, output.deep)


def coarse_channels(classes: int) -> int:
    """Return the channels of `Features.coarse`: rings, predicted classes and their mixture."""
    return 4 * VARIABLES + classes + 2


def class_mixture(classes: Tensor) -> Tensor:
    """Return how mixed the predicted classes are around a cell: errors live along borders.

    :param classes: (N, C, h, w) share of each class in a cell.
    :returns: (N, 2, h, w) the Gini impurity of the 3x3 cells around, and its mean over 5x5.
    """
    near = F.avg_pool2d(classes, 3, 1, 1, count_include_pad=False)
    impurity = 1 - (near * near).sum(dim=1, keepdim=True)
    return torch.cat([impurity, F.avg_pool2d(impurity, 5, 1, 2, count_include_pad=False)], dim=1)


def ring_statistics(z: Tensor) -> Tensor:
    """Return mean and spread of each channel over two rings around, and without, a 2x2 cell.

    :param z: (N, D, h, w), of order one.
    :returns: (N, 4 D, h / 2, w / 2): means and standard deviations over the 8 nearest cells, then
        over the 40 cells of the 7x7 window beyond them; cells outside the image do not count.
    """
    moments = torch.cat([halve(z), halve(z * z)], dim=1)
    ones = torch.ones_like(moments[:1, :1])
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


def enlarge(x: Tensor, factor: int, size: tuple[int, int]) -> Tensor:
    """Enlarge bilinearly by a whole factor and cut, or repeat the last row, to (height, width).

    A whole factor, rather than the ratio of the sizes, keeps crops aligned with their image.
    """
    if factor > 1:
        x = F.interpolate(x, scale_factor=factor, mode='bilinear', align_corners=False)
    height, width = size
    below, right = max(0, height - x.shape[2]), max(0, width - x.shape[3])
    if below or right:
        x = F.pad(x, (0, right, 0, below), mode='replicate')
    return x if x.shape[2:] == size else x[..., :height, :width]


def enlarge_like(x: Tensor, coarse: Tensor) -> Tensor:
    """Bring a deeper map to the grid of the coarse features."""
    x = shrink(x, coarse.shape[3])
    size = (coarse.shape[2], coarse.shape[3])
    return enlarge(x, _scale(coarse, x), size)


def _scale(coarse: Tensor, deep: Tensor) -> int:
    """Return how many coarse pixels one pixel of a deeper map covers along an axis."""
    return max(1, round(coarse.shape[-1] / deep.shape[-1]))


def _window_sum(x: Tensor, size: int) -> Tensor:
    """Sum over a square window, one axis after the other; nothing lies outside the image."""
    x = F.avg_pool2d(x, (1, size), 1, (0, size // 2))
    return F.avg_pool2d(x, (size, 1), 1, (size // 2, 0)) * size**2
