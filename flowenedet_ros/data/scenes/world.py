"""An endless street: things appear in chunks ahead, each decided by the seed and its place."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from .ground import Paint
from .layout import Layout
from .style import Style
from .thing import Thing
from .traffic import Traffic

Rng = np.random.Generator
T = TypeVar('T')

VIEW = 100.0
"""Distance up to which things are drawn, metres."""

_BEHIND = 12.0


@dataclass
class Stream(Generic[T]):
    """Places at equal distances that move together; each holds things by chance.

    :param key: number of its own among a seed's streams.
    :param speed: metres a second along z.
    :param spacing: metres.
    :param make: returns the things at a place, given their z at time 0.
    """

    seed: int
    key: int
    speed: float
    spacing: float
    make: Callable[[Rng, float], list[T]]
    _made: dict[int, list[T]] = field(default_factory=dict)

    def things(self, eye: float, time: float) -> Iterator[T]:
        """Yield what is in view of a camera at z = eye."""
        moved = self.speed * time
        first = int((eye - _BEHIND - self.spacing - moved) // self.spacing)
        last = int((eye + VIEW - moved) // self.spacing)
        for old in [index for index in self._made if not first <= index <= last]:
            del self._made[old]
        for index in range(first, last + 1):
            if index not in self._made:
                rng = np.random.default_rng([self.seed, self.key, index % (1 << 32)])
                self._made[index] = self.make(rng, index * self.spacing)
            yield from self._made[index]


class World:
    """Everything in the street of one seed."""

    def __init__(self, seed: int, style: Style) -> None:
        layout = Layout(np.random.default_rng([seed, 1]), style)
        traffic = Traffic(style)
        self._chunks = Stream(seed, 10, 0, layout.CHUNK, layout.things)
        self._moving = [
            Stream(seed, 20 + index, lane.speed, lane.spacing, lane.make)
            for index, lane in enumerate(traffic.lanes())
        ]
        self._paint = Stream(seed, 11, 0, layout.CHUNK, layout.markings)
        self._stains = Stream(seed, 12, 0, layout.CHUNK, layout.stains)

    def things(self, eye: float, time: float) -> list[Thing]:
        """Return what is in view, from far to near."""
        seen = list(self._chunks.things(eye, time))
        for stream in self._moving:
            seen += stream.things(eye, time)
        return sorted(seen, key=lambda thing: -thing.reach(time))

    def markings(self, eye: float) -> Iterator[Paint]:
        """Yield the paint on the road."""
        return self._paint.things(eye, 0)

    def stains(self, eye: float) -> Iterator[Paint]:
        """Yield patches and manholes."""
        return self._stains.things(eye, 0)
