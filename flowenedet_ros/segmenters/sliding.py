"""Sliding windows, as the SegFormer checkpoints were trained and evaluated."""

from dataclasses import dataclass

import torch
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
    total = maps[0].new_zeros(*maps[0].shape[:2], height, width)
    count = torch.zeros(1, 1, height, width)
    for part, (top, left) in zip(maps, places, strict=True):
        rows = slice(top // stride, top // stride + part.shape[2])
        columns = slice(left // stride, left // stride + part.shape[3])
        total[:, :, rows, columns] += part
        count[:, :, rows, columns] += 1
    return total / count.to(total)
