"""Things on the road that no class covers."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..classes import OUTLIER
from ..outliers.cutouts import Cutout
from .canvas import Canvas, pyramid


@dataclass(frozen=True)
class Obstacle:
    """An unknown object lying on the road."""

    u: float
    z: float
    height: float
    cutout: Cutout

    def reach(self, time: float) -> float:
        """Return the place in the order of painting."""
        return self.z

    @cached_property
    def _sizes(self) -> list[NDArray[np.uint8]]:
        alpha = self.cutout.alpha * 255
        return pyramid(np.dstack([self.cutout.image, alpha]).astype(np.uint8))

    def draw(self, canvas: Canvas, time: float) -> None:
        """Paint the object upright, facing the camera."""
        foot = canvas.street.points((self.u, 0, self.z))
        canvas.sprite(foot, self.height, self._sizes, OUTLIER)
