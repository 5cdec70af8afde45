"""What a seed decides for a whole sequence: street layout, light, weather, camera."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Color = tuple[float, float, float]


@dataclass(frozen=True)
class Street:
    """Cross-section and course of a street; `u` is the offset to the right of its middle line.

    :param bend: (amplitude in metres, wavelength in metres, phase) of its course.
    :param road: half width of the carriageway, parking included, metres.
    :param lane: width of one lane, metres.
    :param pavement: widths of the pavements left and right, metres.
    :param keeps: 1 where traffic keeps right, -1 where it keeps left.
    :param parking: whether cars park along the kerbs.
    """

    bend: tuple[float, float, float]
    road: float
    lane: float
    pavement: tuple[float, float]
    keeps: int
    parking: bool

    def middle(self, z: ArrayLike) -> NDArray[np.float64]:
        """Return x of the middle line at z."""
        amplitude, wavelength, phase = self.bend
        return np.asarray(amplitude * np.sin(2 * np.pi * np.asarray(z) / wavelength + phase))

    def heading(self, z: float) -> float:
        """Return the yaw of the street at z, radians."""
        amplitude, wavelength, phase = self.bend
        turn = 2 * np.pi / wavelength
        return float(np.arctan(amplitude * turn * np.cos(turn * z + phase)))

    def points(self, *places: tuple[float, float, float]) -> NDArray[np.float64]:
        """Return world points (N, 3) of places (u, y, z)."""
        points = np.array(places, np.float64)
        points[:, 0] += self.middle(points[:, 2])
        return points

    def edge(self, side: int) -> float:
        """Return u of the pavement's outer edge; side is -1 (left) or 1 (right)."""
        return side * (self.road + self.pavement[(side + 1) // 2])


@dataclass(frozen=True)
class Weather:
    """Light and air. Colours are BGR, 0 to 255.

    :param zenith: colour of the sky above.
    :param horizon: colour of the sky at the horizon and of the haze.
    :param clouds: share of the sky that clouds cover.
    :param haze: extinction per metre.
    :param gain: (B, G, R) factors on everything drawn.
    :param sun: from -1 (low on the left) over 0 (no direction) to 1 (low on the right).
    :param shadow: darkness of cast shadows, 0 to 1.
    :param wet: how much the road mirrors, 0 to 1.
    :param rain: drops in the air, 0 to 1.
    :param night: whether lamps, windows and head lights shine.
    """

    zenith: Color
    horizon: Color
    clouds: float
    haze: float
    gain: Color
    sun: float
    shadow: float
    wet: float
    rain: float
    night: bool


@dataclass(frozen=True)
class Style:
    """Everything that stays the same from frame to frame.

    :param greens, houses, people, traffic, obstacles: densities, 0 to 1.
    """

    street: Street
    weather: Weather
    speed: float
    camera_height: float
    pitch: float
    focal: float
    greens: float
    houses: float
    people: float
    traffic: float
    obstacles: float


def draw_style(rng: np.random.Generator) -> Style:
    """Draw a street, a weather and a camera."""
    parking = bool(rng.random() < 0.5)
    lane = rng.uniform(2.9, 3.6)
    street = Street(
        bend=(rng.uniform(-6, 6), rng.uniform(180, 400), rng.uniform(0, 6.3)),
        road=lane * (2 if rng.random() < 0.25 else 1) + (2.2 if parking else 0.3),
        lane=lane,
        pavement=(rng.uniform(1.6, 3.6), rng.uniform(1.6, 3.6)),
        keeps=int(rng.choice([-1, 1])),
        parking=parking,
    )
    return Style(
        street=street,
        weather=_draw_weather(rng),
        speed=rng.uniform(5, 13),
        camera_height=rng.uniform(1.25, 1.9),
        pitch=np.radians(rng.uniform(-0.5, 4)),
        focal=rng.uniform(0.8, 1.15),
        greens=rng.uniform(0.1, 0.9),
        houses=rng.uniform(0.45, 0.95),
        people=rng.uniform(0.3, 1),
        traffic=rng.uniform(0.3, 1),
        obstacles=rng.uniform(0.5, 0.95),
    )


def _tinted(rng: np.random.Generator, level: float, tint: float) -> Color:
    """Return per-channel factors of a brightness and a warm (positive) or cold tint."""
    level *= float(np.exp(rng.normal(0, 0.1)))
    return (float(level * (1 - tint)), float(level), float(level * (1 + tint)))


def _draw_weather(rng: np.random.Generator) -> Weather:
    kind = rng.choice(
        ['clear', 'cloudy', 'overcast', 'low sun', 'fog', 'rain', 'night'],
        p=[0.26, 0.22, 0.17, 0.11, 0.08, 0.1, 0.06],
    )
    sun = float(rng.choice([-1, 1]) * rng.uniform(0.3, 1))
    haze = rng.uniform(0.001, 0.004)
    if kind == 'clear':
        gain = _tinted(rng, 1.05, 0.04)
        return Weather((225, 150, 85), (240, 222, 200), 0.15, haze, gain, sun, 0.5, 0, 0, False)
    if kind == 'cloudy':
        gain = _tinted(rng, 0.95, 0)
        return Weather((215, 165, 115), (232, 225, 215), 0.6, haze, gain, sun, 0.35, 0, 0, False)
    if kind == 'overcast':
        gain = _tinted(rng, 0.85, -0.03)
        return Weather((205, 200, 195), (228, 226, 224), 0.9, haze, gain, 0, 0.15, 0, 0, False)
    if kind == 'low sun':
        gain = _tinted(rng, 0.95, 0.12)
        return Weather((190, 140, 110), (140, 190, 245), 0.4, haze, gain, sun, 0.55, 0, 0, False)
    if kind == 'fog':
        gain = _tinted(rng, 0.9, -0.02)
        thick = rng.uniform(0.012, 0.03)
        return Weather((215, 213, 210), (218, 216, 214), 0.1, thick, gain, 0, 0.1, 0.1, 0, False)
    if kind == 'rain':
        gain = _tinted(rng, 0.85, -0.05)
        wet = rng.uniform(0.3, 0.6)
        return Weather((165, 160, 155), (185, 182, 178), 1, 0.008, gain, 0, 0.1, wet, 1, False)
    gain = _tinted(rng, 0.42, -0.06)
    return Weather((40, 24, 16), (62, 48, 44), 0.3, 0.003, gain, 0, 0.1, 0.15, 0, True)
