"""Road, kerbs, pavements and verges with their paint, stains and shadows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera import Ground, Plane, clip_near
from .canvas import Canvas
from .labels import PAVEMENT, ROAD, TREE
from .style import Style
from .textures import TILE, asphalt, grass, slabs

Image = NDArray[np.uint8]
Place = tuple[float, float, float]

FARTHEST = 160.0
"""Depth at which the ground ends, metres."""

_KERB = 0.16
_PIXELS_PER_METRE = np.float32(TILE / 5)


@dataclass(frozen=True)
class Paint:
    """A flat polygon on the ground: a road marking, a manhole, a patch of tar, a shadow.

    :param places: its corners (u, 0, z).
    :param brightness: of the paint, or of the ground under a shadow or patch as a factor.
    """

    places: Sequence[Place]
    brightness: float


class GroundPainter:
    """Paint the ground of one sequence.

    :param rng: decides surfaces and colours.
    """

    def __init__(self, rng: np.random.Generator, style: Style) -> None:
        self._street, self._weather = style.street, style.weather
        # Side by side in the order of the kinds: road, kerb, pavement, verge.
        flags = slabs(rng)
        self._atlas = np.hstack([asphalt(rng), np.full_like(flags, 128), flags, grass(rng)])
        road = rng.uniform(62, 120) * np.array([1, 1, rng.uniform(0.96, 1.03)])
        if style.weather.wet:
            road *= 0.75
        stone = rng.uniform(110, 170) * np.array([rng.uniform(0.85, 1), 0.97, 1])
        green = np.array([rng.uniform(35, 55), rng.uniform(80, 120), rng.uniform(60, 100)])
        self._colors = np.array([road, stone * 1.15, stone, green]).clip(0, 255).astype(np.uint8)
        self._labels = np.array([ROAD, PAVEMENT, PAVEMENT, TREE], np.uint8)

    def draw(self, canvas: Canvas, markings: Iterable[Paint], shades: Iterable[Paint]) -> Ground:
        """Paint everything below the horizon.

        :param markings: painted in their own brightness, before stains and shadows.
        :param shades: factors on the brightness; soft at their edges.
        """
        ground = canvas.camera.ground(FARTHEST)
        u = ground.x - self._street.middle(ground.z).astype(np.float32)
        kind = self._kinds(u)
        canvas.image[ground.top :] = self._colors[kind]
        canvas.labels[ground.top :] = self._labels[kind]
        for paint in markings:
            _fill(canvas, canvas.image, paint.places, (paint.brightness,) * 3)
        factor = self._factors(kind, u, ground)
        shadow = np.full(canvas.labels.shape, 255, np.uint8)
        for paint in shades:
            _fill(canvas, shadow, paint.places, (255 * paint.brightness,))
        shadow = np.asarray(cv2.GaussianBlur(shadow[ground.top :], (0, 0), 1.2), np.uint8)
        factor = np.asarray(cv2.multiply(factor, shadow, scale=1 / 255), np.uint8)
        below = canvas.image[ground.top :]
        cv2.multiply(below, cv2.merge([factor] * 3), below, scale=1 / 128)
        self._haze(canvas, ground)
        return ground

    def _kinds(self, u: Plane) -> NDArray[np.uint8]:
        street = self._street
        kind = np.zeros(u.shape, np.uint8)
        kind += np.abs(u) > street.road
        kind += np.abs(u) > street.road + _KERB
        kind += (u > street.edge(1)) | (u < street.edge(-1))
        return kind

    def _factors(self, kind: Image, u: Plane, ground: Ground) -> Image:
        """Return the surface's brightness, 128 = 1; its grain fades with the distance."""
        across = (u * _PIXELS_PER_METRE).astype(np.int32) & (TILE - 1)
        along = (ground.z * _PIXELS_PER_METRE).astype(np.int32) & (TILE - 1)
        grain = self._atlas.reshape(-1)[(along * 4 + kind) * TILE + across].astype(np.float32)
        fade = np.minimum(1, 9 / ground.depth)[:, None]
        return np.asarray(128 + (grain - 128) * fade, np.uint8)

    def _haze(self, canvas: Canvas, ground: Ground) -> None:
        veil = 1 - np.exp(-self._weather.haze * ground.depth)
        rows = veil > 0.01
        below = canvas.image[ground.top :][rows]
        share = veil[rows, None, None]
        horizon = np.asarray(self._weather.horizon, np.float32)
        canvas.image[ground.top :][rows] = (below * (1 - share) + horizon * share).astype(np.uint8)


def _fill(canvas: Canvas, target: Image, places: Sequence[Place], color: Sequence[float]) -> None:
    seen = clip_near(canvas.camera.to_camera(canvas.street.points(*places)))
    if len(seen) >= 3:
        pixels = np.clip(canvas.camera.project(seen), -15000, 15000)
        cv2.fillPoly(target, [np.round(pixels * 16).astype(np.int32)], color, cv2.LINE_8, 4)


def strip(u0: float, u1: float, z0: float, z1: float) -> list[Place]:
    """Return the corners of a rectangle along the street."""
    return [(u0, 0, z0), (u1, 0, z0), (u1, 0, z1), (u0, 0, z1)]


def disc(u: float, z: float, wide: float, deep: float) -> list[Place]:
    """Return the corners of an ellipse on the ground."""
    turns = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    return [(u + wide * float(np.cos(t)), 0, z + deep * float(np.sin(t))) for t in turns]
