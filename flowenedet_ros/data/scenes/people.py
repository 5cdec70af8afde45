"""Pedestrians and bicyclists, drawn limb by limb as they move."""

from dataclasses import dataclass

import numpy as np

from .canvas import Board, Canvas
from .labels import BICYCLIST, PEDESTRIAN
from .style import Color

_STREET_SPAN = 14.0


@dataclass(frozen=True)
class Looks:
    """What somebody wears. Colours are BGR.

    :param build: width, 1 is usual.
    """

    skin: Color
    hair: Color
    coat: Color
    trousers: Color
    height: float
    build: float


def _there_and_back(u: float, span: float) -> tuple[float, int]:
    """Reflect u at -span and span; return it and whether the way is there (1) or back (-1)."""
    way = (u + span) % (4 * span)
    return (way - span, 1) if way < 2 * span else (3 * span - way, -1)


def draw_looks(rng: np.random.Generator) -> Looks:
    """Draw clothes, colours and a height."""
    tan = rng.uniform(0.35, 1)
    child = rng.random() < 0.15
    return Looks(
        skin=(150 * tan, 175 * tan, 220 * tan),
        hair=_color(rng, 15, 110),
        coat=_color(rng, 15, 210),
        trousers=_color(rng, 15, 110),
        height=rng.uniform(1.05, 1.4) if child else rng.uniform(1.55, 1.92),
        build=rng.uniform(0.85, 1.3),
    )


def _color(rng: np.random.Generator, low: float, high: float) -> Color:
    grey = rng.uniform(low, high)
    blue, green, red = np.clip(grey + rng.normal(0, 30, 3), 5, 250).tolist()
    return (blue, green, red)


def _torso(
    board: Board, looks: Looks, x: float, hip: float, neck: float, label: int, swing: float
) -> None:
    """Paint trunk, arms, neck and head of a body whose hip and neck are at these heights."""
    wide = 0.21 * looks.build
    top = neck - 0.05
    board.polygon(
        [(x - wide * 0.85, hip), (x - wide, top), (x + wide, top), (x + wide * 0.85, hip)],
        looks.coat,
        label,
    )
    darker = (0.8 * looks.coat[0], 0.8 * looks.coat[1], 0.8 * looks.coat[2])
    for side in (-1, 1):
        hand = (x + side * (wide + 0.05) + swing * side * 0.12, hip - 0.02)
        board.limb((x + side * wide * 0.95, top - 0.04), hand, 0.11, darker, label)
        board.disc(hand, (0.05, 0.06), looks.skin, label)
    board.limb((x, neck - 0.08), (x, neck + 0.06), 0.1, looks.skin, label)
    board.disc((x, neck + 0.15), (0.1, 0.13), looks.skin, label)
    board.polygon(
        [
            (x - 0.1, neck + 0.17),
            (x - 0.08, neck + 0.28),
            (x + 0.08, neck + 0.28),
            (x + 0.1, neck + 0.17),
        ],
        looks.hair,
        label,
    )


@dataclass(frozen=True)
class Pedestrian:
    """Somebody who stands, walks along the street or crosses it.

    :param walk: metres a second along z.
    :param cross: metres a second along u.
    :param span: half width of the street between the houses, metres.
    """

    u: float
    z: float
    walk: float
    cross: float
    looks: Looks
    span: float = _STREET_SPAN

    def reach(self, time: float) -> float:
        """Return the place in the order of painting."""
        return self.z + self.walk * time

    def offset(self, time: float) -> float:
        """Return u; who has crossed the street turns and comes back."""
        return _there_and_back(self.u + self.cross * time, self.span)[0]

    def draw(self, canvas: Canvas, time: float) -> None:
        """Paint legs in step, then the upper body."""
        foot = canvas.street.points((self.offset(time), 0, self.reach(time)))
        board = Board(canvas, foot, self.looks.height)
        if not board.visible:
            return
        tall, looks = self.looks.height, self.looks
        pace = abs(self.walk) + abs(self.cross)
        swing = float(np.sin(2 * np.pi * 0.75 * time * max(pace, 0.1) + self.z)) * min(pace, 1)
        # Seen from behind, a step hardly spreads the legs.
        stride = swing * (0.28 if self.cross else 0.09)
        hip = 0.5 * tall
        for side in (-1, 1):
            step = (side * stride + side * 0.07, 0.0)
            board.limb((side * 0.08 * looks.build, hip), step, 0.15, looks.trousers, PEDESTRIAN)
            board.block((step[0] - 0.07, step[0] + 0.08), (0, 0.07), (28, 28, 30), PEDESTRIAN)
        _torso(board, looks, 0, hip - 0.03, tall - 0.28, PEDESTRIAN, swing)


@dataclass(frozen=True)
class Bicyclist:
    """Somebody on a bicycle, riding along the street or across it.

    :param ride: metres a second along z.
    :param cross: metres a second along u.
    :param span: half width of the street between the houses, metres.
    """

    u: float
    z: float
    ride: float
    cross: float
    looks: Looks
    span: float = _STREET_SPAN

    def reach(self, time: float) -> float:
        """Return the place in the order of painting."""
        return self.z + self.ride * time

    def offset(self, time: float) -> float:
        """Return u; who has crossed the street turns and comes back."""
        return _there_and_back(self.u + self.cross * time, self.span)[0]

    def draw(self, canvas: Canvas, time: float) -> None:
        """Paint the bicycle, the legs on the pedals, the rider."""
        foot = canvas.street.points((self.offset(time), 0, self.reach(time)))
        board = Board(canvas, foot, 1.8)
        if not board.visible:
            return
        pedal = 2 * np.pi * 1.1 * time + self.z
        if self.cross:
            _, way = _there_and_back(self.u + self.cross * time, self.span)
            self._draw_from_the_side(board, way * float(np.sign(self.cross)), pedal)
        else:
            self._draw_from_behind(board, pedal)

    def _draw_from_behind(self, board: Board, pedal: float) -> None:
        board.disc((0, 0.34), (0.05, 0.34), (30, 30, 32), BICYCLIST)
        board.limb((-0.28, 1.02), (0.28, 1.02), 0.05, (60, 60, 62), BICYCLIST)
        for side in (-1, 1):
            foot = (side * 0.12, 0.28 + 0.16 * side * float(np.sin(pedal)))
            knee = (side * 0.17, 0.68 + 0.08 * side * float(np.sin(pedal)))
            board.limb((side * 0.1, 0.98), knee, 0.16, self.looks.trousers, BICYCLIST)
            board.limb(knee, foot, 0.12, self.looks.trousers, BICYCLIST)
        _torso(board, self.looks, 0, 0.92, 1.5, BICYCLIST, 0.4)

    def _draw_from_the_side(self, board: Board, ahead: float, pedal: float) -> None:
        frame = self.looks.trousers
        for x in (-0.52, 0.52):
            # A ring of spokes would leave the ground visible between them; a disc is labelled so.
            board.disc((x, 0.34), (0.34, 0.34), (38, 38, 40), BICYCLIST)
            board.disc((x, 0.34), (0.29, 0.29), (118, 120, 122), BICYCLIST)
        joints = np.array([(-0.52, 0.34), (-0.1, 0.3), (0.4, 0.85), (-0.2, 0.9), (0.52, 0.34)])
        joints[:, 0] *= ahead
        a, b, c, d, e = [(float(x), float(y)) for x, y in joints]
        for begin, finish in ((a, b), (b, c), (b, d), (d, c), (c, e), (a, d)):
            board.limb(begin, finish, 0.05, (40, 40, 150), BICYCLIST)
        foot = (b[0] + 0.16 * float(np.cos(pedal)), b[1] + 0.16 * float(np.sin(pedal)))
        hip = (d[0], 0.98)
        knee = ((hip[0] + foot[0]) / 2 + 0.2 * ahead, (hip[1] + foot[1]) / 2 + 0.12)
        board.limb(hip, knee, 0.17, frame, BICYCLIST)
        board.limb(knee, foot, 0.13, frame, BICYCLIST)
        shoulder = (hip[0] + 0.3 * ahead, 1.42)
        board.limb(hip, shoulder, 0.27 * self.looks.build, self.looks.coat, BICYCLIST)
        board.limb(shoulder, (0.42 * ahead, 1.0), 0.1, self.looks.coat, BICYCLIST)
        head = (shoulder[0] + 0.1 * ahead, shoulder[1] + 0.24)
        board.disc(head, (0.11, 0.14), self.looks.skin, BICYCLIST)
        board.disc((head[0], head[1] + 0.06), (0.12, 0.09), self.looks.hair, BICYCLIST)
