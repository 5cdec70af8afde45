"""Silhouettes of things that may lie on a road, with shading and two materials each."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from .drawing import Shape, blank, fill, rounded, wavy_radii
from .solids import ball, barrel, box, cone, tyre
from .textures import fractal_noise


def _star(rng: np.random.Generator, corners: int, roughness: float) -> NDArray[np.float64]:
    """Return a star-convex polygon around (0.5, 0.5) that reaches about 0.48 outwards."""
    angles = np.sort((np.arange(corners) + rng.uniform(-0.4, 0.4, corners)) * 2 * np.pi / corners)
    radii = 0.48 * (1 - roughness * rng.random(corners))
    return np.stack([0.5 + radii * np.cos(angles), 0.5 + radii * np.sin(angles)], axis=1)


def _polygon(rng: np.random.Generator, size: int) -> Shape:
    alpha = blank(size, size)
    fill(alpha, _star(rng, int(rng.integers(3, 10)), rng.uniform(0, 0.7)))
    shade = 0.7 + 0.5 * fractal_noise(rng, size, size, 1, 2)
    return Shape(alpha, shade, blank(size, size))


def blob(rng: np.random.Generator, size: int) -> Shape:
    """Draw a smooth lump with a wavy outline."""
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    radii = wavy_radii(rng, angles, 6, 0.25)
    radii = 0.48 * np.clip(radii, 0.2, None) / max(radii.max(), 0.2)
    alpha = blank(size, size)
    points = np.stack([0.5 + radii * np.cos(angles), 0.5 + radii * np.sin(angles)], axis=1)
    fill(alpha, points)
    material = (fractal_noise(rng, size, size, 2, 2) > 0.6).astype(np.float32)
    return Shape(alpha, rounded(alpha, rng), material)


def _plank(rng: np.random.Generator, size: int) -> Shape:
    """Draw a board, pipe or branch lying at any angle."""
    width = int(size * rng.uniform(1, 3))
    alpha, material = blank(size, width), blank(size, width)
    reach = width / size
    for _ in range(int(rng.integers(1, 4))):
        ends = rng.uniform((0, 0.05), (reach, 0.95), (2, 2))
        ends[0, 0], ends[1, 0] = rng.uniform(0, 0.3) * reach, rng.uniform(0.7, 1) * reach
        normal = np.array([ends[0, 1] - ends[1, 1], ends[1, 0] - ends[0, 0]])
        normal *= rng.uniform(0.03, 0.12) / max(float(np.hypot(*normal)), 1e-6)
        points = np.concatenate([ends + normal, ends[::-1] - normal])
        fill(alpha, points)
        fill(material, points, float(rng.integers(2)))
    return Shape(alpha, rounded(alpha, rng), material)


def _creature(rng: np.random.Generator, size: int) -> Shape:
    """Draw a body on legs with a head and a tail: a dog, a sheep, a toy."""
    width = int(size * rng.uniform(1.0, 1.7))
    reach = width / size
    alpha, material = blank(size, width), blank(size, width)

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
        fill(alpha, np.array(legs))
    tail = rng.uniform(0.05, 0.5)
    fill(alpha, np.array([(0.2 * reach, back - 0.05), (0, tail), (0.2 * reach, back + 0.05)]))
    material[: int(rng.uniform(0.2, 0.5) * size)] = 1
    return Shape(alpha, rounded(alpha, rng), material)


def _furniture(rng: np.random.Generator, size: int) -> Shape:
    """Draw a seat or table: a slab on legs, sometimes with a back."""
    width = int(size * rng.uniform(0.6, 1.6))
    reach, top = width / size, rng.uniform(0.05, 0.55)
    thick, leg = rng.uniform(0.05, 0.3), rng.uniform(0.03, 0.1)
    alpha, material = blank(size, width), blank(size, width)

    def block(x0: float, y0: float, x1: float, y1: float, second: bool) -> None:
        points = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
        fill(alpha, points)
        fill(material, points, float(second))

    for x in (0, reach - leg, *([0.3 * reach] if rng.random() < 0.5 else [])):
        block(x, top, x + leg, 1 - rng.uniform(0, 0.06), True)
    if rng.random() < 0.6:
        block(0, 0, rng.uniform(0.12, 1) * reach, top, rng.random() < 0.5)
    block(0, top, reach, top + thick, False)
    return Shape(alpha, rounded(alpha, rng), material)


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
    alpha, material = blank(size, width), blank(size, width)
    for _ in range(int(rng.integers(3, 12))):
        piece = (_star(rng, int(rng.integers(3, 7)), 0.6) - 0.5) * rng.uniform(0.2, 0.7)
        piece += rng.uniform((0.25, 0.25), (width / size - 0.25, 0.75))
        fill(alpha, piece)
        fill(material, piece, float(rng.integers(2)))
    return Shape(alpha, rounded(alpha, rng), material)


SHAPES: tuple[Callable[[np.random.Generator, int], Shape], ...] = (
    *(_polygon, blob, ball, box, box, cone, barrel, tyre),
    *(_plank, _creature, _creature, _furniture, _bag, _debris),
)
"""Drawers of one object of a given height in pixels; each has its own width."""
