"""Who stands where in one stretch of street, and what is painted on the road."""

from itertools import pairwise

import numpy as np

from ..outliers.cutouts import drawn_cutout
from .buildings import Building
from .canvas import pyramid
from .furniture import Bollard, Lamp, Sign, TrafficLight
from .greenery import Barrier, Tree
from .ground import Paint, disc, strip
from .labels import FENCE, TREE
from .obstacles import Obstacle
from .people import Bicyclist, Pedestrian, draw_looks
from .style import Color, Style
from .textures import fence, hedge, leaves
from .thing import Thing
from .traffic import draw_vehicle

Rng = np.random.Generator

_WHITE: Color = (225, 228, 230)
_PLATES: tuple[tuple[str, Color, Color], ...] = (
    ('disc', _WHITE, (45, 40, 190)),
    ('disc', (160, 90, 30), _WHITE),
    ('disc', (45, 40, 190), _WHITE),
    ('triangle', _WHITE, (45, 40, 190)),
    ('square', (170, 95, 30), _WHITE),
    ('square', (60, 190, 235), (30, 30, 30)),
    ('board', (80, 115, 30), _WHITE),
    ('board', (170, 95, 30), _WHITE),
)


class Layout:
    """Fill chunks of a street by the densities of its style.

    :param rng: draws the surfaces that its chunks share.
    """

    CHUNK = 20.0
    """Length of one stretch, metres."""

    def __init__(self, rng: Rng, style: Style) -> None:
        self._style, self._street = style, style.street
        bare = rng.random() < 0.25
        self._crowns = [pyramid(leaves(rng, bare)) for _ in range(4)]
        self._hedges = [pyramid(hedge(rng)) for _ in range(2)]
        self._fences = [pyramid(fence(rng)) for _ in range(2)]
        self._yellow = rng.random() < 0.2
        self._dash = rng.uniform(2, 4)

    def _crosses(self, z: float) -> bool:
        """Tell whether a zebra crossing lies in the chunk that begins at z."""
        return int(z // self.CHUNK) % 7 == 3

    def things(self, rng: Rng, z: float) -> list[Thing]:
        """Return all that stands in the chunk that begins at z."""
        things: list[Thing] = []
        for side in (-1, 1):
            things += self._frontage(rng, side, z)
            things += self._kerb(rng, side, z)
            if self._street.parking:
                things += self._parked(rng, side, z)
        if self._crosses(z):
            things += self._crossing(rng, z + 10)
        for _ in range(2 if z > 0 else 0):
            if rng.random() < self._style.obstacles:
                things.append(self._obstacle(rng, z))
        return things

    def _frontage(self, rng: Rng, side: int, z: float) -> list[Thing]:
        """Return houses, or a garden behind a hedge or fence."""
        edge, end = self._street.edge(side), z + self.CHUNK
        if rng.random() > self._style.houses:
            return self._garden(rng, side, z)
        set_back = rng.choice([0.0, 0.0, 0.0, 2.5])
        cuts = [z, z + rng.uniform(7, 13), end] if rng.random() < 0.6 else [z, end]
        things: list[Thing] = []
        for near, far in pairwise(cuts):
            height = rng.uniform(5, 9) if rng.random() < 0.5 else rng.uniform(8, 17)
            roof = rng.uniform(1.5, 3.5) if rng.random() < 0.6 else 0.0
            gap = rng.uniform(0.5, 3) if rng.random() < 0.25 else 0.0
            seed = int(rng.integers(1 << 31))
            night = self._style.weather.night
            front = edge + side * set_back
            things.append(Building(side, front, near + gap, far, height, roof, night, seed))
        if set_back:
            things += self._barriers(rng, edge, z, z + self.CHUNK)
        return things

    def _garden(self, rng: Rng, side: int, z: float) -> list[Thing]:
        edge = self._street.edge(side)
        things: list[Thing] = []
        for _ in range(int(rng.integers(2, 6))):
            u = edge + side * rng.uniform(1.5, 9)
            things.append(self._tree(rng, u, z + rng.uniform(0, self.CHUNK), 20))
        if rng.random() < 0.8:
            things += self._barriers(rng, edge, z, z + self.CHUNK)
        return things

    def _barriers(self, rng: Rng, u: float, near: float, far: float) -> list[Thing]:
        green = rng.random() < 0.4
        pool = self._hedges if green else self._fences
        surface = pool[rng.integers(len(pool))]
        height, label = rng.uniform(0.8, 1.9), TREE if green else FENCE
        cuts = np.arange(near, far, 4.0)
        return [Barrier(u, z, min(z + 4, far), height, surface, label) for z in cuts.tolist()]

    def _tree(self, rng: Rng, u: float, z: float, behind: float = 0) -> Tree:
        height = rng.uniform(4, 10)
        crown = self._crowns[rng.integers(len(self._crowns))]
        return Tree(u, z, height, height * rng.uniform(0.2, 0.35), crown, behind)

    def _kerb(self, rng: Rng, side: int, z: float) -> list[Thing]:
        """Return what stands along the kerb: trees, lamps, signs, bollards, railings."""
        kerb = self._street.road
        things: list[Thing] = []
        if int(z // self.CHUNK) % 2 == (side + 1) // 2:
            things.append(Lamp(side * (kerb + 0.5), z + 9, rng.uniform(6, 8.5)))
        if rng.random() < 0.7 * self._style.greens:
            things.append(self._tree(rng, side * (kerb + 0.9), z + rng.uniform(2, 18)))
        if rng.random() < 0.35:
            plate = _PLATES[rng.integers(len(_PLATES))]
            things.append(Sign(side * (kerb + 0.45), z + rng.uniform(1, 19), *plate))
        if rng.random() < 0.14:
            places = z + np.arange(3, 15, 2.5)
            things += [Bollard(side * (kerb + 0.4), place) for place in places.tolist()]
        elif rng.random() < 0.16:
            surface = self._fences[0]
            places = z + np.arange(2, 16, 2.0)
            things += [
                Barrier(side * (kerb + 0.3), place, place + 2, 1.05, surface, hides=True)
                for place in places.tolist()
            ]
        if rng.random() < 0.4 * self._style.people:
            u = side * (kerb + rng.uniform(0.5, 1.2))
            things.append(Pedestrian(u, z + rng.uniform(1, 19), 0, 0, draw_looks(rng)))
        return things

    def _parked(self, rng: Rng, side: int, z: float) -> list[Thing]:
        ahead = side * self._street.keeps
        u = side * (self._street.road - 1.05)
        places = z + np.array([3.2, 9.6, 16.0]) + rng.uniform(-0.4, 0.4, 3)
        free = self._crosses(z)
        return [
            draw_vehicle(rng, u, place, 0.0, ahead)
            for place in places.tolist()
            if rng.random() < 0.6 and not free
        ]

    def _crossing(self, rng: Rng, z: float) -> list[Thing]:
        """Return the lights and the people of a zebra crossing."""
        post = self._street.road + 0.5
        span = min(self._street.edge(1), -self._street.edge(-1)) - 0.4
        things: list[Thing] = []
        if rng.random() < 0.6:
            phase = rng.uniform(0, 18)
            things += [TrafficLight(side * post, z - 2.5, phase) for side in (-1, 1)]
        for _ in range(int(rng.integers(1, 5))):
            cross = float(rng.choice([-1, 1]) * rng.uniform(0.8, 1.5))
            u, place = rng.uniform(-span, span), z + rng.uniform(-1, 1)
            things.append(Pedestrian(u, place, 0, cross, draw_looks(rng), span))
        if rng.random() < 0.5:
            cross = float(rng.choice([-1, 1]) * 3.2)
            u = rng.uniform(-span, span)
            things.append(Bicyclist(u, z + 1.4, 0, cross, draw_looks(rng), span))
        return things

    def _obstacle(self, rng: Rng, z: float) -> Obstacle:
        """Return an unknown object on the own half of the road, beside the own wheels' path."""
        height = float(np.exp(rng.uniform(np.log(0.25), np.log(1.4))))
        cutout = drawn_cutout(rng, 160)
        wide = height * cutout.alpha.shape[1] / cutout.alpha.shape[0]
        height *= min(1, 1.6 / wide)
        own = self._street.keeps * self._street.lane / 2
        clear = 0.95 + min(wide, 1.6) / 2
        u = own + float(rng.choice([-1, 1])) * rng.uniform(clear, clear + 1.4)
        u = float(np.clip(u, -self._street.road + 0.4, self._street.road - 0.4))
        return Obstacle(u, z + rng.uniform(0, self.CHUNK), height, cutout)

    def markings(self, rng: Rng, z: float) -> list[Paint]:
        """Return the paint on the road of the chunk that begins at z."""
        street, end = self._street, z + self.CHUNK
        bright = rng.uniform(195, 215)
        edge = street.road - (2.1 if street.parking else 0.25)
        paints = [Paint(strip(u - 0.06, u + 0.06, z, end), bright) for u in (-edge, edge)]
        lanes = np.arange(-edge, edge, street.lane)[1:] if edge > 4.5 else np.zeros(1)
        for u in lanes.tolist():
            for start in np.arange(z, end - 0.1, 20 / round(20 / (2.2 * self._dash))).tolist():
                paints.append(Paint(strip(u - 0.07, u + 0.07, start, start + self._dash), bright))
        if street.parking:
            for start in (z, z + 6.4, z + 12.8):
                for side in (-1, 1):
                    span = sorted((side * edge, side * street.road))
                    paints.append(Paint(strip(span[0], span[1], start, start + 0.1), bright - 15))
        if self._crosses(z):
            for u in np.arange(-street.road + 0.4, street.road - 0.4, 1.0).tolist():
                paints.append(Paint(strip(u, u + 0.5, z + 8.5, z + 11.5), bright))
            own = sorted((0.0, street.keeps * edge))
            paints.append(Paint(strip(own[0], own[1], z + 6.6, z + 7.0), bright))
        return paints

    def stains(self, rng: Rng, z: float) -> list[Paint]:
        """Return patches and manholes as factors on the ground's brightness."""
        road = self._street.road - 1
        stains = []
        for _ in range(int(rng.integers(0, 3))):
            u, place = rng.uniform(-road, road), z + rng.uniform(0, self.CHUNK)
            stains.append(Paint(disc(u, place, 0.33, 0.33), rng.uniform(0.55, 0.8)))
        if rng.random() < 0.4:
            u, place = rng.uniform(-road, road - 1), z + rng.uniform(0, 14)
            wide, deep = rng.uniform(0.5, 2), rng.uniform(1, 8)
            stains.append(Paint(strip(u, u + wide, place, place + deep), rng.uniform(0.72, 0.93)))
        return stains
