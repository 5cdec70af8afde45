"""Where and how large a cut-out stands on a road picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

from .cutouts import Cutout, rotate
from .sizes import Sizes
from .textures import plane

_FLAT = 0.2
# A camera about 1.3 m above the road, level: an object of so many metres standing h pixels below
# the horizon is h * metres / 1.3 pixels high.
CAMERA_HEIGHT = 1.3
HORIZON = 0.45


def fit_cutout(
    rng: np.random.Generator, cutout: Cutout, height: int, most: int, *, turns: bool
) -> Cutout:
    """Scale a cut-out to a height, a little stretched, at most 60 % of a width.

    :param turns: turn some a little and lay some flat.
    """
    if turns and rng.random() < 0.3:
        cutout = rotate(cutout, rng.uniform(-20, 20))
    # Enlarging a small cut-out much would only teach what enlarging looks like.
    upright = min(height, 3 * cutout.alpha.shape[0])
    lies = turns and rng.random() < _FLAT
    height = max(round(upright * rng.uniform(0.2, 0.6)), 3) if lies else upright
    aspect = cutout.alpha.shape[1] / cutout.alpha.shape[0] * float(np.exp(rng.normal(0, 0.2)))
    width = int(np.clip(upright * aspect, 3, 0.6 * most))
    # INTER_AREA keeps thin parts as partial coverage instead of dropping them.
    shrinks = height < cutout.alpha.shape[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    image = cv2.resize(cutout.image, (width, height), interpolation=method)
    alpha = cv2.resize(cutout.alpha, (width, height), interpolation=method)
    return Cutout(np.asarray(image, np.uint8), plane(alpha))


def choose_place(
    rng: np.random.Generator, size: tuple[int, ...], ground: NDArray[np.bool_], sizes: Sizes
) -> tuple[int, int]:
    """Choose the left top corner; it may lie outside, as an object may be cut by the border."""
    height, width = size[0], size[1]
    rows, columns = ground.shape
    metres = float(np.exp(rng.normal(np.log(sizes.metres), sizes.spread)))
    foot = HORIZON * rows + height * CAMERA_HEIGHT / metres
    if rng.random() < 0.3 or not rows / 3 < foot < rows:
        foot = rng.uniform(rows / 3, rows)
    middle = int(rng.integers(columns))
    if rng.random() < 0.75:
        free = np.flatnonzero(ground[int(foot)])
        if free.size:
            middle = int(free[rng.integers(free.size)])
    return middle - width // 2, int(foot) - height
