"""Sliding windows, as the SegFormer checkpoints were trained and evaluated."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowenedet_ros.segmenters.errors import SegmenterError
from flowenedet_ros.segmenters.interface import SegmenterOutput


@dataclass(frozen=True)
class SlidingWindow:
    """Size and step of the windows, each (height, width) in pixels.

    MMSegmentation evaluated its Cityscapes SegFormers with these defaults.
    """

    size: tuple[int, int] = (1024, 1024)
    step: tuple[int, int] = (768, 768)


def window_starts(length: int, size: int, step: int) -> list[int]:
    """Give where windows start on one axis; the last one is moved back to end at the border."""
    count = max(0, -(-(length - size) // step)) + 1
    return [min(index * step, max(0, length - size)) for index in range(count)]


class SlidingNetwork(nn.Module):
    """A network run on overlapping windows, each map averaged where windows overlap.

    The average is taken at the maps' own strides, so that the embedding stays what the classifier
    makes the logits of.

    :param stride: the coarsest stride among the network's maps; every window starts on it.
    """

    def __init__(self, network: nn.Module, window: SlidingWindow, stride: int) -> None:
        super().__init__()
        self.network, self.window, self.stride = network, window, stride
        if any(value < 1 or value % stride for value in (*window.size, *window.step)):
            raise SegmenterError(
                f'the sliding window {window.size} with step {window.step} must be made of '
                f'multiples of {stride}, the stride of the deepest map'
            )

    def forward(self, images: Tensor) -> SegmenterOutput:
        """Segment normalised (N, 3, H, W) images whose sides are multiples of the stride."""
        height, width = images.shape[2:]
        if height % self.stride or width % self.stride:
            raise SegmenterError(
                f'sliding windows need images whose sides are multiples of {self.stride}, got '
                f'{width}x{height}'
            )
        (tall, wide), (down, right) = self.window.size, self.window.step
        places = [
            (top, left)
            for top in window_starts(height, tall, down)
            for left in window_starts(width, wide, right)
        ]
        outputs = [
            self.network(images[:, :, top : top + tall, left : left + wide]) for top, left in places
        ]
        return SegmenterOutput(
            *(_blend(list(maps), places, (height, width), (tall, wide)) for maps in zip(*outputs))  # noqa: B905
        )


def _blend(
    maps: list[Tensor],
    places: list[tuple[int, int]],
    size: tuple[int, int],
    window: tuple[int, int],
) -> Tensor:
    stride = min(window[0], size[0]) // maps[0].shape[2]
    height, width = size[0] // stride, size[1] // stride
    # Padding and adding, unlike writing into slices, keeps an exported graph free of scatters.
    total: Tensor | None = None
    for part, (top, left) in zip(maps, places, strict=True):
        y, x = top // stride, left // stride
        right, below = width - x - part.shape[3], height - y - part.shape[2]
        padded = F.pad(part, (x, right, y, below))
        total = padded if total is None else total + padded
    assert total is not None
    rows = _coverage(height, part.shape[2], {top // stride for top, _ in places})
    columns = _coverage(width, part.shape[3], {left // stride for _, left in places})
    return total / (rows[:, None] * columns).to(total)


def _coverage(length: int, size: int, starts: set[int]) -> Tensor:
    """Count the windows over each place of one axis."""
    return torch.tensor([sum(s <= i < s + size for s in starts) for i in range(length)])
