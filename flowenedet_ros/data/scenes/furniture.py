"""Lamp posts, traffic lights, signs and bollards."""

from dataclasses import dataclass

import numpy as np

from .canvas import Board, Canvas
from .labels import POLE, SIGN
from .style import Color

_STEEL = (108, 110, 112)


@dataclass(frozen=True)
class Lamp:
    """A street lamp whose arm reaches over the road."""

    u: float
    z: float
    height: float

    def reach(self, time: float) -> float:
        """Return the place in the order of painting."""
        return self.z

    def draw(self, canvas: Canvas, time: float) -> None:
        """Paint the post and, at night, note its light."""
        board = Board(canvas, canvas.street.points((self.u, 0, self.z)), self.height)
        if not board.visible:
            return
        arm = -np.sign(self.u) * 1.6
        board.limb((0, 0), (0, self.height), 0.17, _STEEL, POLE)
        board.limb((0, self.height), (arm, self.height + 0.35), 0.1, _STEEL, POLE)
        board.block((arm - 0.35, arm + 0.35), (self.height + 0.3, self.height + 0.45), _STEEL, POLE)
        if canvas.weather.night:
            (lamp,) = board.pixels([(arm, self.height + 0.3)])
            canvas.glows.append((lamp, 1.6 * board.scale, (130, 200, 250)))


@dataclass(frozen=True)
class Sign:
    """A plate on a post.

    :param shape: 'disc', 'triangle', 'square' or 'board'.
    """

    u: float
    z: float
    shape: str
    color: Color
    rim: Color

    def reach(self, time: float) -> float:
        """Return the place in the order of painting."""
        return self.z

    def draw(self, canvas: Canvas, time: float) -> None:
        """Paint the post, then rim and face of the plate."""
        board = Board(canvas, canvas.street.points((self.u, 0, self.z)), 3)
        if not board.visible:
            return
        board.limb((0, 0), (0, 2.6), 0.08, _STEEL, POLE)
        if self.shape == 'disc':
            board.disc((0, 2.6), (0.36, 0.36), self.rim, SIGN)
            board.disc((0, 2.6), (0.27, 0.27), self.color, SIGN)
        elif self.shape == 'triangle':
            for size, color in ((0.46, self.rim), (0.28, self.color)):
                board.polygon(
                    [(-size, 2.6 - 0.58 * size), (size, 2.6 - 0.58 * size), (0, 2.6 + size)],
                    color,
                    SIGN,
                )
        else:
            wide = 0.36 if self.shape == 'square' else 0.8
            board.block((-wide, wide), (2.2, 2.9), self.rim, SIGN)
            board.block((-wide + 0.07, wide - 0.07), (2.27, 2.83), self.color, SIGN)
            board.block((-wide / 2, wide / 2), (2.5, 2.6), self.rim, SIGN)


@dataclass(frozen=True)
class TrafficLight:
    """Three lamps on a post; red and green change by the time."""

    u: float
    z: float
    phase: float

    def reach(self, time: float) -> float:
        """Return the place in the order of painting."""
        return self.z

    def draw(self, canvas: Canvas, time: float) -> None:
        """Paint post, housing and lamps."""
        board = Board(canvas, canvas.street.points((self.u, 0, self.z)), 3.4)
        if not board.visible:
            return
        board.limb((0, 0), (0, 2.6), 0.13, (60, 62, 62), POLE)
        board.block((-0.24, 0.24), (2.4, 3.5), (32, 34, 34), SIGN)
        lit = int((time + self.phase) / 6) % 3
        colors = ((60, 60, 235), (60, 190, 245), (120, 220, 60))
        for index, color in enumerate(colors):
            shown = color if index == lit else (45, 45, 45)
            board.disc((0, 3.28 - 0.33 * index), (0.12, 0.12), shown, SIGN)


@dataclass(frozen=True)
class Bollard:
    """A short post at the kerb."""

    u: float
    z: float

    def reach(self, time: float) -> float:
        """Return the place in the order of painting."""
        return self.z

    def draw(self, canvas: Canvas, time: float) -> None:
        """Paint the post with its bright band."""
        board = Board(canvas, canvas.street.points((self.u, 0, self.z)), 1)
        if board.visible:
            board.block((-0.08, 0.08), (0, 0.95), (48, 50, 52), POLE)
            board.block((-0.08, 0.08), (0.72, 0.84), (215, 218, 220), POLE)
