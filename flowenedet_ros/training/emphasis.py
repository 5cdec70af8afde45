"""How much each pixel of a crop counts in a fit."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from flowenedet_ros.detector.loss import OUTLYING

_LARGE = 60.0
"""Pixels, at the logit stride, of the smallest outlier whose pixels count as anything else's."""
_POWER = 0.5
_MOST = 3.0


def outlier_emphasis(target: Tensor) -> Tensor:
    """Let the pixels of a small outlier count for more than all others.

    Half of what is pasted covers less than thirty pixels at the logit stride, and a tenth of it two
    thirds of all pixels: each counting the same, a fit would hardly see small obstacles.

    :param target: uint8 (N, h, w); see `detector_views.targets`.
    :returns: float32 (N, h, w) on the device of `target`: one, and for the pixels of an outlier of
        A < 60 pixels (60 / A)^(1/2), at most three.
    """
    factors = [_of_crop(outlying.numpy()) for outlying in (target == OUTLYING).byte().cpu()]
    return torch.from_numpy(np.stack(factors)).to(target.device)


def _of_crop(outlying: NDArray[np.uint8]) -> NDArray[np.float32]:
    _, regions, stats, _ = cv2.connectedComponentsWithStats(outlying)
    areas = np.maximum(stats[:, cv2.CC_STAT_AREA], 1)
    factors = np.clip((_LARGE / areas) ** _POWER, 1, _MOST).astype(np.float32)
    factors[0] = 1  # all that is no outlier
    return np.asarray(factors[regions], np.float32)
