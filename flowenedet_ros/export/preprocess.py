"""Camera pixels to network input, inside the graph."""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Preprocess(nn.Module):
    """Resize, order and normalise what the camera gave.

    The cast comes first because TensorRT takes uint8 at the edge of a graph only: its parser
    refuses a uint8 `Transpose`.

    :param size: (height, width) of the network's input.
    :param mean: RGB, on the 0-255 scale; so is `std`.
    :param channel_order: of the camera image; the network always sees RGB.
    """

    factor: Tensor
    shift: Tensor

    def __init__(
        self,
        size: tuple[int, int],
        mean: Sequence[float],
        std: Sequence[float],
        channel_order: Literal['bgr', 'rgb'] = 'bgr',
    ) -> None:
        super().__init__()
        self.size = size
        self.flipped = channel_order == 'bgr'
        scale = torch.tensor(std, dtype=torch.float64)
        centre = torch.tensor(mean, dtype=torch.float64)
        self.register_buffer('factor', (1 / scale).float().view(1, 3, 1, 1))
        self.register_buffer('shift', (-centre / scale).float().view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Give normalised RGB, float32 (N, 3, height, width).

        :param image: uint8 (N, H, W, 3) of any height and width.
        """
        planes = image.float().permute(0, 3, 1, 2)
        planes = F.interpolate(planes, size=self.size, mode='bilinear', align_corners=False)
        if self.flipped:
            planes = planes.flip(1)
        return planes * self.factor + self.shift
