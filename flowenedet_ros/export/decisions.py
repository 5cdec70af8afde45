"""From logits and scores at the logit stride to labels and masks at the network's input size."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Mode = Literal['mid', 'quarter']
_ON = 255.0


class Decisions(nn.Module):
    """Decide class and masks of every pixel of the network's input."""

    def labels(self, logits: Tensor) -> Tensor:
        """Return class ids as floats, (N, H, W), of logits (N, C, h, w)."""
        raise NotImplementedError

    def masks(self, scores: Tensor, thresholds: Tensor) -> Tensor:
        """Return 0 or 255 as floats, (N, K, H, W), of K scores (N, K, h, w) and thresholds (K,)."""
        raise NotImplementedError

    def forward(self, logits: Tensor, scores: Tensor, thresholds: Tensor) -> tuple[Tensor, ...]:
        """Return labels and K masks, uint8 (N, H, W) each; the casts come last for TensorRT."""
        maps = self.labels(logits), *self.masks(scores, thresholds).unbind(1)
        return tuple(each.to(torch.uint8) for each in maps)


class PhaseDecisions(Decisions):
    """Bilinear enlargement by a whole factor, decided before the pixels are put in their places.

    The stride x stride output pixels of a cell are fixed blends of the 3x3 cells around it. Argmax
    and thresholds work on the blends, and only the decisions are woven into the large map. The
    result is that of `interpolate`; CPU runtimes take a third to a half of the time, because no
    enlarged logits are ever written.
    """

    kernel: Tensor

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride
        offset = (torch.arange(stride) + 0.5) / stride - 0.5
        self._offsets: list[float] = offset.tolist()
        taps = torch.stack([(-offset).relu(), 1 - offset.abs(), offset.relu()], dim=1)
        kernel = taps[:, None, :, None] * taps[None, :, None, :]
        self.register_buffer('kernel', kernel.reshape(stride * stride, 1, 3, 3))

    def labels(self, logits: Tensor) -> Tensor:
        """Return class ids as floats."""
        channels = logits.shape[1]
        kernel = self.kernel.repeat(channels, 1, 1, 1)
        phases = F.conv2d(_surrounded(logits), kernel, groups=channels)
        classes = torch.unflatten(phases, 1, (channels, self.stride**2)).argmax(dim=1)
        return F.pixel_shuffle(classes.float(), self.stride).squeeze(1)

    def masks(self, scores: Tensor, thresholds: Tensor) -> Tensor:
        """Return 0 or 255 as floats."""
        # Axis by axis: a convolution of one channel makes runtimes change the memory layout.
        maps = _surrounded(scores).flatten(0, 1)[:, None]
        phases = self._blends(self._blends(maps, axis=3), axis=2)
        count = scores.shape[1]
        over = _over(torch.unflatten(phases, 0, (-1, count)), thresholds.view(count, 1, 1, 1))
        return F.pixel_shuffle(over, self.stride).squeeze(2)

    def _blends(self, maps: Tensor, axis: int) -> Tensor:
        """Return the pixels of each cell along an axis, one after the other in the channels.

        :param maps: (N, C, h, w), one cell longer at either end of the axis.
        :returns: (N, stride * C, h, w), all C of the first pixel before those of the second.
        """
        before, here, after = (maps.narrow(axis, i, maps.shape[axis] - 2) for i in range(3))
        towards = before - here, after - here
        blends = [here + towards[offset > 0] * abs(offset) for offset in self._offsets]
        return torch.cat(blends, dim=1)


class ResizedDecisions(Decisions):
    """Bilinear enlargement to any size.

    :param size: (height, width) of the network's input.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def _large(self, maps: Tensor) -> Tensor:
        return F.interpolate(maps, size=self.size, mode='bilinear', align_corners=False)

    def labels(self, logits: Tensor) -> Tensor:
        """Return class ids as floats."""
        return self._large(logits).argmax(dim=1).float()

    def masks(self, scores: Tensor, thresholds: Tensor) -> Tensor:
        """Return 0 or 255 as floats."""
        return _over(self._large(scores), thresholds.view(-1, 1, 1))


class QuarterDecisions(Decisions):
    """Decisions at the logit stride, enlarged as they are: cheapest, with edges in steps.

    :param size: (height, width) of the network's input.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def _large(self, decisions: Tensor) -> Tensor:
        # As floats: no runtime resizes uint8 everywhere.
        return F.interpolate(decisions, size=self.size, mode='nearest')

    def labels(self, logits: Tensor) -> Tensor:
        """Return class ids as floats."""
        return self._large(logits.argmax(dim=1, keepdim=True).float()).squeeze(1)

    def masks(self, scores: Tensor, thresholds: Tensor) -> Tensor:
        """Return 0 or 255 as floats."""
        return self._large(_over(scores, thresholds.view(-1, 1, 1)))


def _surrounded(maps: Tensor) -> Tensor:
    """Repeat the outermost cells once."""
    return F.pad(maps, (1, 1, 1, 1), mode='replicate')


def _over(scores: Tensor, thresholds: Tensor) -> Tensor:
    return (scores >= thresholds).float() * _ON


def decisions(mode: Mode, size: tuple[int, int], stride: int) -> Decisions:
    """Choose how decisions are made.

    :param mode: `mid` decides at the network's input size from bilinearly enlarged logits and
        scores; `quarter` decides at the logit stride.
    :param size: (height, width) of the network's input.
    """
    if mode == 'quarter':
        return QuarterDecisions(size)
    whole = all(side % stride == 0 for side in size)
    return PhaseDecisions(stride) if whole else ResizedDecisions(size)
