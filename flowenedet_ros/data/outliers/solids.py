"""Solids that may lie on a road: balls, boxes, cones, barrels and tyres."""

import numpy as np

from .drawing import Shape, blank, fill, grid
from .textures import plane


def ball(rng: np.random.Generator, size: int) -> Shape:
    """Draw a ball with panels under a light."""
    x, y = grid(size, size)
    u, v = (x - 0.5) / 0.48, (y - 0.5) / 0.48
    radius = u * u + v * v
    alpha = plane(radius < 1)
    depth = np.sqrt(np.clip(1 - radius, 0, 1))
    light = np.clip(rng.uniform(-0.6, 0.6) * u - 0.6 * v + 0.6 * depth, 0, 1)
    shade = 0.35 + 0.8 * light + 0.5 * light**16
    turn = rng.uniform(0, np.pi)
    panels = np.sin(5 * (np.cos(turn) * u + np.sin(turn) * v) / (0.4 + depth)) > 0.3
    return Shape(alpha, plane(shade), plane(panels))


def box(rng: np.random.Generator, size: int) -> Shape:
    """Draw front, top and side of a crate or carton."""
    front, skew = rng.uniform(0.4, 1.3), rng.uniform(0.1, 0.45)
    lift = rng.uniform(0.08, 0.3)
    width = int((front + skew) * size) + 1
    alpha, shade, material = (blank(size, width) for _ in range(3))
    left, right, far = 0.0, front, front + skew
    faces = (
        ([(left, lift), (right, lift), (right, 1), (left, 1)], 0.95),
        ([(left, lift), (skew, 0), (far, 0), (right, lift)], 1.25),
        ([(right, lift), (far, 0), (far, 1 - lift), (right, 1)], rng.uniform(0.45, 0.75)),
    )
    for points, brightness in faces:
        fill(alpha, np.array(points))
        fill(shade, np.array(points), brightness)
    slats = int(rng.integers(0, 5))
    for row in np.linspace(lift, 1, slats + 2)[1:-1]:
        band = [(left, row), (right, row), (right, row + 0.05), (left, row + 0.05)]
        fill(material, np.array(band))
    if rng.random() < 0.5:
        shade, alpha, material = shade[:, ::-1], alpha[:, ::-1], material[:, ::-1]
    return Shape(*(np.ascontiguousarray(plane) for plane in (alpha, shade, material)))


def cone(rng: np.random.Generator, size: int) -> Shape:
    """Draw a traffic cone, a bottle or a post."""
    width = int(size * rng.uniform(0.6, 0.9))
    middle, half = 0.5 * width / size, 0.42 * width / size
    tip, foot = rng.uniform(0.03, 0.1), rng.uniform(0.85, 0.92)
    alpha, material = blank(size, width), blank(size, width)
    body = [(middle - tip, 0), (middle + tip, 0), (middle + half, foot), (middle - half, foot)]
    fill(alpha, np.array(body))
    fill(alpha, np.array([(0, foot), (width / size, foot), (width / size, 1), (0, 1)]))
    for row in rng.uniform(0.15, 0.75, int(rng.integers(0, 4))):
        material[int(row * size) : int((row + 0.14) * size)] = 1
    x, _ = grid(size, width)
    shade = 1.15 - 0.6 * np.abs(x - middle * rng.uniform(0.6, 1.2)) / half
    return Shape(alpha, plane(np.clip(shade, 0.4, 1.3)), material)


def barrel(rng: np.random.Generator, size: int) -> Shape:
    """Draw a barrel with rings, or a can."""
    width = int(size * rng.uniform(0.45, 0.9))
    x, y = grid(size, width)
    u = 2 * x * size / width - 1
    bulge = 0.07 * np.sqrt(np.clip(1 - u * u, 0, 1))
    alpha = ((y > 0.08 - bulge) & (y < 0.92 + bulge)).astype(np.float32)
    shade = 0.45 + 0.75 * np.sqrt(np.clip(1 - (u - rng.uniform(-0.5, 0.5)) ** 2, 0, 1))
    shade = np.where(y < 0.08 + bulge, 1.25, shade)
    rings = np.sin((y - bulge) * rng.uniform(8, 25)) > rng.uniform(0.2, 0.9)
    return Shape(alpha, plane(shade), plane(rings))


def tyre(rng: np.random.Generator, size: int) -> Shape:
    """Draw a tyre or a disc on its edge, seen at any angle."""
    squash = rng.uniform(0.35, 1)
    width = max(int(size * squash), 4)
    x, y = grid(size, width)
    radius = np.hypot((x * size / width - 0.5), y - 0.5)
    hole = rng.uniform(0.15, 0.3)
    ring = radius < 0.48
    if rng.random() < 0.6:
        ring &= radius > hole
    tread = 0.75 + 0.25 * np.sin(np.arctan2(y - 0.5, x * size / width - 0.5) * 40)
    shade = np.where(radius > 0.4, tread * 0.6, 0.45 + radius)
    return Shape(plane(ring), plane(shade), plane(radius < hole))
