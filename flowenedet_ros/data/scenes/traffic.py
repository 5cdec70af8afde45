"""Who moves: vehicles in their lanes, bicyclists at the kerb, people on the pavements."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from .people import Bicyclist, Pedestrian, draw_looks
from .style import Color, Style
from .thing import Thing
from .vehicles import BUS_BODY, CAR_BODY, ESTATE_BODY, VAN_BODY, Vehicle

Rng = np.random.Generator

_PAINTS: tuple[Color, ...] = (
    *((225, 225, 222), (165, 168, 170), (90, 92, 94), (38, 38, 40), (40, 38, 150)),
    *((130, 70, 30), (75, 95, 45), (60, 50, 60), (190, 190, 180), (60, 165, 200)),
)


@dataclass(frozen=True)
class Lane:
    """Places that move together, one after the other."""

    speed: float
    spacing: float
    make: Callable[[Rng, float], list[Thing]]


def draw_vehicle(rng: Rng, u: float, z: float, speed: float, ahead: int) -> Vehicle:
    """Draw a vehicle of any kind; most are cars."""
    bodies = (CAR_BODY, CAR_BODY, CAR_BODY, ESTATE_BODY, ESTATE_BODY, VAN_BODY, BUS_BODY)
    body = bodies[rng.choice(7, p=[0.26, 0.2, 0.14, 0.14, 0.12, 0.09, 0.05])]
    if speed == 0 and body is BUS_BODY:
        body = CAR_BODY
    color = np.clip(np.array(_PAINTS[rng.integers(len(_PAINTS))]) + rng.normal(0, 12, 3), 5, 250)
    blue, green, red = color.tolist()
    return Vehicle(u, z, speed, ahead, body, (blue, green, red))


class Traffic:
    """Lanes of one street."""

    def __init__(self, style: Style) -> None:
        self._style = style

    def lanes(self) -> Iterator[Lane]:
        """Yield every lane, path and pavement; the own lane's vehicles keep their distance."""
        style, street = self._style, self._style.street
        count = int((street.road - (2.2 if street.parking else 0.3)) / street.lane + 0.5)
        for index in range(count):
            u = street.keeps * street.lane * (index + 0.5)
            pace = style.speed * (1 if index == 0 else 1.12)
            yield Lane(pace, 27, self._vehicles(u, pace, 1, 0.45 * style.traffic))
            yield Lane(-pace, 25, self._vehicles(-u, -pace, -1, 0.6 * style.traffic))
        edge = street.road - (2.9 if street.parking else 0.7)
        for side in (-1, 1):
            ahead = side * street.keeps
            yield Lane(4.2 * ahead, 32, self._bicyclists(side * edge, 4.2 * ahead))
            for walk in (-1.2, 1.2):
                yield Lane(walk, 9, self._pedestrians(side, walk))

    def _vehicles(
        self, u: float, speed: float, ahead: int, density: float
    ) -> Callable[[Rng, float], list[Thing]]:
        own = u == self._style.street.keeps * self._style.street.lane / 2

        def make(rng: Rng, z: float) -> list[Thing]:
            z += rng.uniform(-4, 4)
            # The camera's own car takes a place of its lane, and some ahead of it.
            if rng.random() > density or (own and abs(z) < 16):
                return []
            return [draw_vehicle(rng, u + rng.normal(0, 0.12), z, speed, ahead)]

        return make

    def _bicyclists(self, u: float, ride: float) -> Callable[[Rng, float], list[Thing]]:
        def make(rng: Rng, z: float) -> list[Thing]:
            if rng.random() > 0.4 * self._style.people:
                return []
            place = u + rng.normal(0, 0.15), z + rng.uniform(-9, 9)
            return [Bicyclist(*place, ride, 0, draw_looks(rng))]

        return make

    def _pedestrians(self, side: int, walk: float) -> Callable[[Rng, float], list[Thing]]:
        street, people = self._style.street, self._style.people

        def make(rng: Rng, z: float) -> list[Thing]:
            if rng.random() > 0.45 * people:
                return []
            walkers: list[Thing] = []
            for _ in range(1 + int(rng.random() < 0.25)):
                u = side * rng.uniform(street.road + 0.6, abs(street.edge(side)) - 0.4)
                walkers.append(Pedestrian(u, z + rng.uniform(-4, 4), walk, 0, draw_looks(rng)))
            return walkers

        return make
