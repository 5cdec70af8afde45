"""Shadows that things cast on the ground: contact shadows, and sideways ones in the sun."""

from collections.abc import Iterable, Iterator

from .buildings import Building
from .greenery import Tree
from .ground import Paint, disc, strip
from .obstacles import Obstacle
from .people import Bicyclist, Pedestrian
from .style import Weather
from .vehicles import Vehicle


def shadows(things: Iterable[object], weather: Weather, time: float) -> Iterator[Paint]:
    """Yield what darkens the ground at a time; signs and posts are too thin to matter."""
    # Positive: cast to the right, by this multiple of the height.
    slant = -weather.sun * 1.1
    lit = 1 - weather.shadow
    for thing in things:
        match thing:
            case Building():
                if slant * thing.side < 0:
                    end = thing.u + slant * thing.height
                    low, high = sorted((thing.u, end))
                    yield Paint(strip(low, high, thing.near, thing.far), lit)
            case Tree():
                shift = slant * thing.height * 0.6
                wide = 0.3 * thing.height
                if weather.shadow > 0.2:
                    yield Paint(disc(thing.u + shift, thing.z, wide * 1.3, wide), lit)
            case Vehicle():
                z, body = thing.reach(time), thing.body
                half = body.width / 2
                ends = (z - body.length / 2 - 0.1, z + body.length / 2 + 0.1)
                yield Paint(strip(thing.u - half - 0.1, thing.u + half + 0.1, *ends), 0.45)
                reach = slant * body.height
                low, high = sorted((thing.u, thing.u + reach))
                yield Paint(strip(low - half, high + half, *ends), lit)
            case Pedestrian() | Bicyclist():
                u, z = thing.offset(time), thing.reach(time)
                yield Paint(disc(u, z, 0.35, 0.25), 0.65)
                if weather.shadow > 0.2:
                    low, high = sorted((u, u + slant * 1.6))
                    yield Paint(strip(low, high, z - 0.15, z + 0.15), lit)
            case Obstacle():
                wide = thing.height * thing.cutout.alpha.shape[1] / thing.cutout.alpha.shape[0]
                yield Paint(disc(thing.u, thing.z, 0.55 * wide, 0.2 + 0.2 * wide), 0.55)
