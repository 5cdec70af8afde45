"""Trees, hedges and fences."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .canvas import Board, Canvas
from .labels import FENCE, TREE

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Tree:
    """A trunk under a crown.

    :param crown: `textures.leaves` at full, half ... size.
    :param trunk: height of the lowest leaves, metres.
    :param behind: by how many metres earlier it is painted, as it stands behind a hedge.
    """

    u: float
    z: float
    height: float
    trunk: float
    crown: Sequence[Image]
    behind: float = 0.0

    def reach(self, time: float) -> float:
        """Return the place in the order of painting."""
        return self.z + self.behind

    def draw(self, canvas: Canvas, time: float) -> None:
        """Paint the trunk, then the crown."""
        foot = canvas.street.points((self.u, 0, self.z))
        board = Board(canvas, foot, self.height)
        if not board.visible:
            return
        thick = 0.035 * self.height
        board.limb((0, 0), (0, self.trunk + 0.3 * self.height), thick, (48, 58, 66), TREE)
        base = canvas.street.points((self.u, self.trunk, self.z))
        canvas.sprite(base, self.height - self.trunk, self.crown, TREE)


@dataclass(frozen=True)
class Barrier:
    """A fence or hedge along the street.

    :param surface: its picture at full, half ... size. The gaps of a railing are drawn and
        labelled as part of it, as CamVid's annotators did.
    :param hides: whether it is painted after things on the pavement, as one along the kerb is.
    """

    u: float
    near: float
    far: float
    height: float
    surface: Sequence[Image]
    label: int = FENCE
    hides: bool = False

    def reach(self, time: float) -> float:
        """Return the place in the order of painting."""
        return self.near if self.hides else self.far

    def draw(self, canvas: Canvas, time: float) -> None:
        """Paint the side that faces the street."""
        corners = [
            (self.u, self.height, self.near),
            (self.u, self.height, self.far),
            (self.u, 0.0, self.near),
        ]
        canvas.textured(canvas.street.points(*corners), self.surface, self.label)
