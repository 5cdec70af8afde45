"""How large pasted things are, on the street and on the picture."""

from typing import NamedTuple

import numpy as np

_LEAST_PIXELS = 4


class Sizes(NamedTuple):
    """How large pasted things of a kind are.

    :param least: least height on the picture, as a share of the picture's.
    :param most: greatest, likewise.
    :param metres: median of the height on the street.
    :param spread: deviation of its logarithm.
    """

    least: float
    most: float
    metres: float
    spread: float

    def height(self, rng: np.random.Generator, rows: int) -> int:
        """Draw a height in pixels, log-uniform, for a picture of so many rows."""
        share = float(np.exp(rng.uniform(*np.log([self.least, self.most]))))
        return max(round(share * rows), _LEAST_PIXELS)


OBSTACLES = Sizes(0.015, 0.45, 0.5, 0.6)
TRAFFIC = Sizes(0.03, 0.8, 1.6, 0.25)
# A small rendered car is as good as a toy.
NEAR_TRAFFIC = TRAFFIC._replace(least=0.12)
