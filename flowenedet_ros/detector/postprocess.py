"""Boundary suppression and dilated smoothing of score maps, as tensor operations that export."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_PUBLISHED_STRIDE = 4
_EPSILON = 1e-7


class SmlPostprocess(nn.Module):
    """Replace scores on class borders by their surroundings, then smooth with a wide kernel.

    Source: Jung et al., Standardized Max Logits, arXiv 2107.11264, with the radii of FlowEneDet's
    code (method section 1.8), which are meant for scores at stride 4.

    :param stride: of the score maps; radii and dilation shrink or grow with it.
    :param radii: L1 radii by which the borders are widened, one suppression each.
    :param dilation: of the 7x7 Gaussian (sigma 1).
    """

    kernel: Tensor

    def __init__(
        self,
        stride: int = _PUBLISHED_STRIDE,
        radii: tuple[int, ...] = (3, 2, 1, 0),
        dilation: int = 6,
    ) -> None:
        super().__init__()
        scale = _PUBLISHED_STRIDE / stride
        self._radii = tuple(round(radius * scale) for radius in radii)
        self._dilation = max(1, round(dilation * scale))
        kernel = torch.exp(-0.5 * torch.arange(-3.0, 4.0).square())
        self.register_buffer('kernel', kernel / kernel.sum(), persistent=False)

    def forward(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Return smoothed scores (N, h, w) given the predicted classes (N, h, w)."""
        border = class_borders(labels[:, None].to(scores.dtype))
        x = scores[:, None]
        for radius in self._radii:
            x = suppress(x, _expand(border, radius))
        return self._smooth(x)[:, 0]

    def _smooth(self, x: Tensor) -> Tensor:
        """Convolve with the dilated Gaussian, one axis after the other."""
        reach = 3 * self._dilation
        x = F.pad(x, (reach, reach, reach, reach), mode='replicate')
        x = F.conv2d(x, self.kernel.view(1, 1, 1, 7), dilation=self._dilation)
        return F.conv2d(x, self.kernel.view(1, 1, 7, 1), dilation=self._dilation)


def class_borders(labels: Tensor) -> Tensor:
    """Mark pixels near a change of class with one: 3x3 cross dilation against square erosion.

    :param labels: class ids as floating point, (N, 1, h, w).
    """
    cross = torch.maximum(
        F.max_pool2d(labels, (3, 1), 1, (1, 0)), F.max_pool2d(labels, (1, 3), 1, (0, 1))
    )
    return (cross != -F.max_pool2d(-labels, 3, 1, 1)).to(labels.dtype)


def suppress(x: Tensor, border: Tensor) -> Tensor:
    """Replace border pixels by the 3x3 mean of their neighbours off the border, if there are any.

    :param x: (N, 1, h, w).
    :param border: zero or one, of the same shape.
    """
    inside = 1 - border
    weight = _neighbourhood_mean(inside)
    mean = _neighbourhood_mean(x * inside) / weight.clamp(min=_EPSILON)
    return torch.where((border > 0) & (weight > _EPSILON), mean, x)


def smooth_log_odds(postprocess: SmlPostprocess, log_odds: Tensor, labels: Tensor) -> Tensor:
    """Post-process log-odds where the published code does it, as probabilities."""
    smoothed: Tensor = postprocess(log_odds.sigmoid(), labels)
    smoothed = smoothed.clamp(_EPSILON, 1 - _EPSILON)
    return smoothed.log() - (1 - smoothed).log()


def _expand(border: Tensor, radius: int) -> Tensor:
    """Grow a mask by an L1 radius in pixels."""
    for _ in range(radius):
        border = torch.maximum(
            F.max_pool2d(border, (3, 1), 1, (1, 0)), F.max_pool2d(border, (1, 3), 1, (0, 1))
        )
    return border


def _neighbourhood_mean(x: Tensor) -> Tensor:
    return F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode='replicate'), 3, 1)
