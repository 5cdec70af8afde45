"""The outline of what is too far away to be modelled."""

import numpy as np
from numpy.typing import NDArray

from ..outliers.textures import fractal_noise


def skyline(rng: np.random.Generator, width: int, houses: bool) -> NDArray[np.float32]:
    """Return heights above the horizon, (width,), as shares of the picture's height.

    :param houses: steps of roofs; else the smooth tops of trees.
    """
    rise = fractal_noise(rng, 1, width, 40, 4)[0]
    if houses:
        step = max(width // 90, 4)
        rise = np.repeat(rise[::step], step)[:width]
        rise = np.pad(rise, (0, width - len(rise)), mode='edge')
        return np.asarray(np.clip(rise - 0.35, 0, 1) * 0.13, np.float32)
    return np.asarray(0.006 + np.clip(rise - 0.45, 0, 1) * 0.11, np.float32)
