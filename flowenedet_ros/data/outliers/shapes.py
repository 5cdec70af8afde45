"""Silhouettes of things that may lie on a road, with shading and two materials each."""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .textures import fractal_noise, plane

Plane = NDArray[np.float32]


class Shape(NamedTuple):
    """A drawn object without colours; all planes are (H, W).

    :param alpha: float32 in [0, 1], coverage.
    :param shade: float32, factor on the brightness, about 0.3 to 1.4.
    :param material: float32 in [0, 1], share of the second material.
    """

    alpha: Plane
    shade: Plane
    material: Plane


def _canvas(height: int, width: int) -> Plane:
    return np.zeros((height, width), np.float32)


def _fill(canvas: Plane, points: NDArray[np.floating], value: float = 1.0) -> None:
    """Fill a polygon of (x, y) in units of the canvas' height."""
    fill_polygon(canvas, points * canvas.shape[0], value)


def fill_polygon(canvas: Plane, pixels: NDArray[np.floating], value: float = 1.0) -> None:
    """Fill a polygon of (x, y) in pixels and their sixteenths."""
    scaled = np.round(pixels * 16).astype(np.int32)
    cv2.fillPoly(canvas, [scaled], value, cv2.LINE_8, 4)


def wavy_radii(
    rng: np.random.Generator, angles: NDArray[np.float64], waves: int, height: float
) -> NDArray[np.float64]:
    """Draw an outline around the unit circle.

    :param waves: number of waves, each of one period more than the one before.
    :param height: standard deviation of the first; that of the n-th is an n-th of it.
    """
    radii = np.ones(len(angles))
    for order in range(1, waves + 1):
        radii += rng.normal(0, height / order) * np.cos(order * angles + rng.uniform(0, 6.3))
    return radii


def _grid(height: int, width: int) -> tuple[Plane, Plane]:
    """Return x and y of each pixel in units of the height."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return x / height, y / height


def _rounded(alpha: Plane, rng: np.random.Generator) -> Plane:
    """Shade a silhouette as a bulging body: bright towards the light, dark at the far rim."""
    depth = cv2.GaussianBlur(alpha, (0, 0), max(alpha.shape[0] / 12, 0.8))
    slope_x = cv2.Sobel(depth, cv2.CV_32F, 1, 0, scale=alpha.shape[0] / 60)
    slope_y = cv2.Sobel(depth, cv2.CV_32F, 0, 1, scale=alpha.shape[0] / 60)
    light = rng.uniform(-1, 1)
    shade = 0.9 + 0.35 * (light * slope_x + slope_y)
    return plane(np.clip(shade, 0.3, 1.4))


def _star(rng: np.random.Generator, corners: int, roughness: float) -> NDArray[np.float64]:
    """Return a star-convex polygon around (0.5, 0.5) that reaches about 0.48 outwards."""
    angles = np.sort((np.arange(corners) + rng.uniform(-0.4, 0.4, corners)) * 2 * np.pi / corners)
    radii = 0.48 * (1 - roughness * rng.random(corners))
    return np.stack([0.5 + radii * np.cos(angles), 0.5 + radii * np.sin(angles)], axis=1)


def _polygon(rng: np.random.Generator, size: int) -> Shape:
    alpha = _canvas(size, size)
    _fill(alpha, _star(rng, int(rng.integers(3, 10)), rng.uniform(0, 0.7)))
    shade = 0.7 + 0.5 * fractal_noise(rng, size, size, 1, 2)
    return Shape(alpha, shade, _canvas(size, size))


def blob(rng: np.random.Generator, size: int) -> Shape:
    """Draw a smooth lump with a wavy outline."""
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    radii = wavy_radii(rng, angles, 6, 0.25)
    radii = 0.48 * np.clip(radii, 0.2, None) / max(radii.max(), 0.2)
    alpha = _canvas(size, size)
    points = np.stack([0.5 + radii * np.cos(angles), 0.5 + radii * np.sin(angles)], axis=1)
    _fill(alpha, points)
    material = (fractal_noise(rng, size, size, 2, 2) > 0.6).astype(np.float32)
    return Shape(alpha, _rounded(alpha, rng), material)


def _ball(rng: np.random.Generator, size: int) -> Shape:
    x, y = _grid(size, size)
    u, v = (x - 0.5) / 0.48, (y - 0.5) / 0.48
    radius = u * u + v * v
    alpha = plane(radius < 1)
    depth = np.sqrt(np.clip(1 - radius, 0, 1))
    light = np.clip(rng.uniform(-0.6, 0.6) * u - 0.6 * v + 0.6 * depth, 0, 1)
    shade = 0.35 + 0.8 * light + 0.5 * light**16
    turn = rng.uniform(0, np.pi)
    panels = np.sin(5 * (np.cos(turn) * u + np.sin(turn) * v) / (0.4 + depth)) > 0.3
    return Shape(alpha, plane(shade), plane(panels))


def _box(rng: np.random.Generator, size: int) -> Shape:
    """Draw front, top and side of a crate or carton."""
    front, skew = rng.uniform(0.4, 1.3), rng.uniform(0.1, 0.45)
    lift = rng.uniform(0.08, 0.3)
    width = int((front + skew) * size) + 1
    alpha, shade, material = (_canvas(size, width) for _ in range(3))
    left, right, far = 0.0, front, front + skew
    faces = (
        ([(left, lift), (right, lift), (right, 1), (left, 1)], 0.95),
        ([(left, lift), (skew, 0), (far, 0), (right, lift)], 1.25),
        ([(right, lift), (far, 0), (far, 1 - lift), (right, 1)], rng.uniform(0.45, 0.75)),
    )
    for points, brightness in faces:
        _fill(alpha, np.array(points))
        _fill(shade, np.array(points), brightness)
    slats = int(rng.integers(0, 5))
    for row in np.linspace(lift, 1, slats + 2)[1:-1]:
        band = [(left, row), (right, row), (right, row + 0.05), (left, row + 0.05)]
        _fill(material, np.array(band))
    if rng.random() < 0.5:
        shade, alpha, material = shade[:, ::-1], alpha[:, ::-1], material[:, ::-1]
    return Shape(*(np.ascontiguousarray(plane) for plane in (alpha, shade, material)))


def _cone(rng: np.random.Generator, size: int) -> Shape:
    width = int(size * rng.uniform(0.6, 0.9))
    middle, half = 0.5 * width / size, 0.42 * width / size
    tip, foot = rng.uniform(0.03, 0.1), rng.uniform(0.85, 0.92)
    alpha, material = _canvas(size, width), _canvas(size, width)
    body = [(middle - tip, 0), (middle + tip, 0), (middle + half, foot), (middle - half, foot)]
    _fill(alpha, np.array(body))
    _fill(alpha, np.array([(0, foot), (width / size, foot), (width / size, 1), (0, 1)]))
    for row in rng.uniform(0.15, 0.75, int(rng.integers(0, 4))):
        material[int(row * size) : int((row + 0.14) * size)] = 1
    x, _ = _grid(size, width)
    shade = 1.15 - 0.6 * np.abs(x - middle * rng.uniform(0.6, 1.2)) / half
    return Shape(alpha, plane(np.clip(shade, 0.4, 1.3)), material)


def _barrel(rng: np.random.Generator, size: int) -> Shape:
    width = int(size * rng.uniform(0.45, 0.9))
    x, y = _grid(size, width)
    u = 2 * x * size / width - 1
    bulge = 0.07 * np.sqrt(np.clip(1 - u * u, 0, 1))
    alpha = ((y > 0.08 - bulge) & (y < 0.92 + bulge)).astype(np.float32)
    shade = 0.45 + 0.75 * np.sqrt(np.clip(1 - (u - rng.uniform(-0.5, 0.5)) ** 2, 0, 1))
    shade = np.where(y < 0.08 + bulge, 1.25, shade)
    rings = np.sin((y - bulge) * rng.uniform(8, 25)) > rng.uniform(0.2, 0.9)
    return Shape(alpha, plane(shade), plane(rings))


def _tyre(rng: np.random.Generator, size: int) -> Shape:
    squash = rng.uniform(0.35, 1)
    width = max(int(size * squash), 4)
    x, y = _grid(size, width)
    radius = np.hypot((x * size / width - 0.5), y - 0.5)
    hole = rng.uniform(0.15, 0.3)
    ring = radius < 0.48
    if rng.random() < 0.6:
        ring &= radius > hole
    tread = 0.75 + 0.25 * np.sin(np.arctan2(y - 0.5, x * size / width - 0.5) * 40)
    shade = np.where(radius > 0.4, tread * 0.6, 0.45 + radius)
    return Shape(plane(ring), plane(shade), plane(radius < hole))


def _plank(rng: np.random.Generator, size: int) -> Shape:
    """Draw a board, pipe or branch lying at any angle."""
    width = int(size * rng.uniform(1, 3))
    alpha, material = _canvas(size, width), _canvas(size, width)
    reach = width / size
    for _ in range(int(rng.integers(1, 4))):
        ends = rng.uniform((0, 0.05), (reach, 0.95), (2, 2))
        ends[0, 0], ends[1, 0] = rng.uniform(0, 0.3) * reach, rng.uniform(0.7, 1) * reach
        normal = np.array([ends[0, 1] - ends[1, 1], ends[1, 0] - ends[0, 0]])
        normal *= rng.uniform(0.03, 0.12) / max(float(np.hypot(*normal)), 1e-6)
        points = np.concatenate([ends + normal, ends[::-1] - normal])
        _fill(alpha, points)
        _fill(material, points, float(rng.integers(2)))
    return Shape(alpha, _rounded(alpha, rng), material)


def _creature(rng: np.random.Generator, size: int) -> Shape:
    """Draw a body on legs with a head and a tail: a dog, a sheep, a toy."""
    width = int(size * rng.uniform(1.0, 1.7))
    reach = width / size
    alpha, material = _canvas(size, width), _canvas(size, width)

    def ellipse(x: float, y: float, a: float, b: float, turn: float = 0) -> None:
        center, axes = (int(x * size), int(y * size)), (int(a * size) + 1, int(b * size) + 1)
        cv2.ellipse(alpha, center, axes, turn, 0, 360, 1.0, -1)

    back, body = rng.uniform(0.35, 0.5), rng.uniform(0.13, 0.22)
    ellipse(0.5 * reach, back, 0.33 * reach, body)
    ellipse(0.85 * reach, back - rng.uniform(0.05, 0.2), 0.1 * reach, 0.1, rng.uniform(0, 60))
    for leg in (0.25, 0.33, 0.65, 0.73):
        foot = (leg + rng.uniform(-0.05, 0.05)) * reach
        thick = rng.uniform(0.025, 0.05)
        hip = leg * reach
        legs = [(hip - thick, back), (hip + thick, back), (foot + thick, 1), (foot - thick, 1)]
        _fill(alpha, np.array(legs))
    tail = rng.uniform(0.05, 0.5)
    _fill(alpha, np.array([(0.2 * reach, back - 0.05), (0, tail), (0.2 * reach, back + 0.05)]))
    material[: int(rng.uniform(0.2, 0.5) * size)] = 1
    return Shape(alpha, _rounded(alpha, rng), material)


def _furniture(rng: np.random.Generator, size: int) -> Shape:
    """Draw a seat or table: a slab on legs, sometimes with a back."""
    width = int(size * rng.uniform(0.6, 1.6))
    reach, top = width / size, rng.uniform(0.05, 0.55)
    thick, leg = rng.uniform(0.05, 0.3), rng.uniform(0.03, 0.1)
    alpha, material = _canvas(size, width), _canvas(size, width)

    def block(x0: float, y0: float, x1: float, y1: float, second: bool) -> None:
        points = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
        _fill(alpha, points)
        _fill(material, points, float(second))

    for x in (0, reach - leg, *([0.3 * reach] if rng.random() < 0.5 else [])):
        block(x, top, x + leg, 1 - rng.uniform(0, 0.06), True)
    if rng.random() < 0.6:
        block(0, 0, rng.uniform(0.12, 1) * reach, top, rng.random() < 0.5)
    block(0, top, reach, top + thick, False)
    return Shape(alpha, _rounded(alpha, rng), material)


def _bag(rng: np.random.Generator, size: int) -> Shape:
    shape = blob(rng, size)
    alpha = shape.alpha
    center = (int(size * rng.uniform(0.35, 0.65)), int(size * 0.2))
    axes = (int(size * rng.uniform(0.08, 0.2)), int(size * 0.17))
    cv2.ellipse(alpha, center, axes, 0, 150, 390, 1.0, max(size // 20, 1))
    creases = 0.7 + 0.6 * fractal_noise(rng, size, size, 4, 3)
    return Shape(alpha, shape.shade * creases, shape.material)


def _debris(rng: np.random.Generator, size: int) -> Shape:
    width = int(size * rng.uniform(1, 2.5))
    alpha, material = _canvas(size, width), _canvas(size, width)
    for _ in range(int(rng.integers(3, 12))):
        piece = (_star(rng, int(rng.integers(3, 7)), 0.6) - 0.5) * rng.uniform(0.2, 0.7)
        piece += rng.uniform((0.25, 0.25), (width / size - 0.25, 0.75))
        _fill(alpha, piece)
        _fill(material, piece, float(rng.integers(2)))
    return Shape(alpha, _rounded(alpha, rng), material)


SHAPES: tuple[Callable[[np.random.Generator, int], Shape], ...] = (
    *(_polygon, blob, _ball, _box, _box, _cone, _barrel, _tyre),
    *(_plank, _creature, _creature, _furniture, _bag, _debris),
)
"""Drawers of one object of a given height in pixels; each has its own width."""
