"""What one camera image becomes, the same from every backend."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Thresholds:
    """Scores at and above which a pixel enters a mask; changing them rebuilds nothing.

    :param idm: for misclassified pixels, in [0, 1].
    :param ood: for pixels of unknown objects, in [0, 1].
    :raises ValueError: for a value outside [0, 1] or NaN.
    """

    idm: float
    ood: float

    def __post_init__(self) -> None:
        for name, value in (('idm', self.idm), ('ood', self.ood)):
            if not (math.isfinite(value) and 0.0 <= value <= 1.0):
                raise ValueError(f'threshold {name} is {value}: give a number from 0 to 1')


@dataclass(frozen=True)
class Perception:
    """Classes, masks and scores of one image; (H, W) is the network's input size."""

    labels: NDArray[np.uint8]
    """(H, W) class ids."""
    idm_mask: NDArray[np.uint8]
    """(H, W), 255 where the class id is probably wrong, else 0."""
    ood_mask: NDArray[np.uint8]
    """(H, W), 255 where no class fits, else 0."""
    idm_score: NDArray[np.float32]
    """(h, w) in [0, 1], at the logit stride."""
    ood_score: NDArray[np.float32]
    """(h, w) in [0, 1], at the logit stride."""
    nonfinite: int
    """Pixels at the logit stride whose logits were NaN or infinite and were replaced."""
    stage_ms: Mapping[str, float]
    """Disjoint times of this frame in milliseconds: 'pre', 'backend', 'post'."""
