"""Houses along the street: a front, an end wall, a roof."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .canvas import Canvas, pyramid
from .labels import BUILDING
from .textures import front


@dataclass(frozen=True)
class Building:
    """A house on one side of the street.

    :param side: -1 left, 1 right.
    :param u: offset of the front from the middle of the street, metres.
    :param near, far: where the front begins and ends along the street.
    :param roof: height of a pitched roof, 0 for a flat one.
    :param seed: decides the looks.
    """

    side: int
    u: float
    near: float
    far: float
    height: float
    roof: float
    night: bool
    seed: int

    def reach(self, time: float) -> float:
        """Return the place in the order of painting: things before the front come after it."""
        return self.far

    @cached_property
    def _fronts(self) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.uint8]]]:
        rng = np.random.default_rng(self.seed)
        street = front(rng, self.far - self.near, self.height, self.night)
        end = front(rng, 5, self.height, self.night)
        return pyramid(street), pyramid(end)

    def draw(self, canvas: Canvas, time: float) -> None:
        """Paint the walls that may be seen and the roof."""
        u, near, far, top = self.u, self.near, self.far, self.height
        back = u + self.side * 9
        street, end = self._fronts
        sun = canvas.weather.sun * self.side
        place = canvas.street.points
        if near > canvas.camera.position[2]:
            corners = [(u, top, near), (back, top, near), (u, 0, near)]
            canvas.textured(place(*corners), end, BUILDING, 0.8)
        if self.roof:
            rng = np.random.default_rng(self.seed + 1)
            tiles = ((55, 60, 75), (50, 65, 120), (80, 80, 82))[rng.integers(3)]
            ridge, peak = u + self.side * 4.5, top + self.roof
            gable = [(u, top, near), (ridge, peak, near), (back, top, near)]
            slope = [(u, top, near), (u, top, far), (ridge, peak, far), (ridge, peak, near)]
            canvas.polygon(place(*gable), (105, 110, 120), BUILDING, 0.8)
            canvas.polygon(place(*slope), tiles, BUILDING, 1 - 0.2 * sun)
        corners = [(u, top, near), (u, top, far), (u, 0, near)]
        canvas.textured(place(*corners), street, BUILDING, 1 - 0.3 * sun)
