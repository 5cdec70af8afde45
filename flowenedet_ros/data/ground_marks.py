"""Paint what lies flat on roads, in the perspective of a camera above them."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from .outliers.drawing import fill_polygon, wavy_radii
from .outliers.placing import CAMERA_HEIGHT, HORIZON
from .outliers.textures import fractal_noise, plane

Image = NDArray[np.uint8]
Plane = NDArray[np.float32]
Points = NDArray[np.float64]

# A usual camera. Others and cut windows differ from it, which only varies the looks.
_FOCAL_LENGTH = 1.1
"""In widths of the picture."""
_ASPECT = 2.0
"""Width over height, before the picture was stretched to the network's size."""
_NEAREST, _FARTHEST = 4.0, 40.0
"""In metres."""


def mark_ground(rng: np.random.Generator, image: Image, ground: NDArray[np.bool_]) -> Image:
    """Paint what lies flat on roads: lines, worn letters, seams, repairs, covers, stains, shadows.

    :param image: uint8 (H, W, 3), BGR.
    :param ground: bool (H, W), where road and pavement show.
    """
    result = image.astype(np.float32)
    visible = plane(cv2.GaussianBlur(ground.astype(np.float32), (0, 0), 0.7))
    for _ in range(int(rng.integers(2, 9))):
        mark = _MARKS[int(rng.integers(len(_MARKS)))]
        coverage, paint, is_factor = mark(rng, (ground.shape[0], ground.shape[1]))
        coverage = coverage * visible
        if is_factor:
            result *= 1 + coverage[..., None] * (paint - 1)
        else:
            result += coverage[..., None] * (paint - result)
    return np.clip(result, 0, 255).astype(np.uint8)


def _project(points: Points, shape: tuple[int, int]) -> Points:
    """Take ground points (x to the right, z ahead, in metres) to pixels (u, v)."""
    rows, columns = shape
    depth = np.maximum(points[:, 1], 1.0)
    u = columns / 2 + columns * _FOCAL_LENGTH * points[:, 0] / depth
    v = rows * (HORIZON + _ASPECT * _FOCAL_LENGTH * CAMERA_HEIGHT / depth)
    return np.stack([u, v], axis=1)


def _fill(shape: tuple[int, int], outlines: Sequence[Points]) -> Plane:
    """Cover outlines on the ground, with smooth rims."""
    coverage = np.zeros(shape, np.float32)
    for outline in outlines:
        # OpenCV keeps coordinates in few bits.
        fill_polygon(coverage, np.clip(_project(outline, shape), -4 * shape[1], 4 * shape[1]))
    return plane(cv2.GaussianBlur(coverage, (0, 0), 0.6))


def _somewhere(rng: np.random.Generator) -> Points:
    """Choose a ground point; its depth is uniform in rows."""
    depth = 1 / rng.uniform(1 / _FARTHEST, 1 / _NEAREST)
    return np.array([rng.uniform(-0.45, 0.45) * depth, depth])


def _turned(points: Points, angle: float) -> Points:
    cos, sin = np.cos(angle), np.sin(angle)
    turned: Points = points @ np.array([[cos, sin], [-sin, cos]])
    return turned


def _bar(width: float, length: float) -> Points:
    half = np.array([width, length]) / 2
    bar: Points = half * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    return bar


def _along(rng: np.random.Generator) -> float:
    """Choose an angle: mostly along or across the road."""
    return float(rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)]) + rng.normal(0, 0.05))


_Mark = tuple[Plane, Plane, bool]
"""Coverage (H, W), paint to be broadcast to (H, W, 3), and whether that is a factor or a colour."""


def _lines(rng: np.random.Generator, shape: tuple[int, int]) -> _Mark:
    """One bar, a dashed line, or strokes like worn letters, white or yellow."""
    kind, at, angle = int(rng.integers(3)), _somewhere(rng), _along(rng)
    count = int(rng.integers(1, 9))
    if kind == 0:
        bars = [_bar(rng.uniform(0.1, 0.3), rng.uniform(0.5, 15))]
    elif kind == 1:
        pitch = rng.uniform(0.6, 6)
        size = rng.uniform(0.1, 0.5), pitch * rng.uniform(0.3, 0.7)
        bars = [_bar(*size) + np.array([0, pitch * i]) for i in range(count)]
    else:
        bars = [
            _turned(_bar(rng.uniform(0.08, 0.2), rng.uniform(0.3, 1.5)), rng.uniform(0, np.pi))
            + rng.uniform(-1, 1, 2)
            for _ in range(count)
        ]
    coverage = _fill(shape, [_turned(bar, angle) + at for bar in bars])
    worn = fractal_noise(rng, *shape, 8, 5) > rng.uniform(0, 0.6)
    brightness = rng.uniform(120, 250)
    tint = np.array([rng.choice([1.0, 1.0, 0.5]), 1, 1])
    return coverage * np.maximum(worn, rng.uniform(0.2, 0.9)), plane(brightness * tint), False


def _seams(rng: np.random.Generator, shape: tuple[int, int]) -> _Mark:
    """Cracks and tar lines that wander over the ground."""
    outlines = []
    for _ in range(int(rng.integers(1, 4))):
        steps = rng.normal((0, 0.5), (rng.uniform(0.02, 0.4), 0.2), (int(rng.integers(4, 30)), 2))
        path = _somewhere(rng) + _turned(np.cumsum(steps, axis=0), _along(rng))
        width = np.array([rng.uniform(0.01, 0.06), 0])
        outlines.append(np.concatenate([path - width, path[::-1] + width]))
    return _fill(shape, outlines), plane(rng.uniform(0.3, 0.8)), True


def _lump(rng: np.random.Generator, radius: float) -> Points:
    angles = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    radii = radius * np.maximum(wavy_radii(rng, angles, 5, 0.2), 0.2)
    return np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)


def _repair(rng: np.random.Generator, shape: tuple[int, int]) -> _Mark:
    """A patch of newer or older asphalt, or a stain."""
    if rng.random() < 0.5:
        outline = _turned(_bar(rng.uniform(0.5, 3), rng.uniform(0.5, 10)), _along(rng))
    else:
        outline = _lump(rng, rng.uniform(0.2, 2))
    grain = rng.standard_normal((*shape, 1)) * rng.uniform(0, 0.05)
    tint = np.exp(rng.normal(0, 0.25) + rng.normal(0, 0.04, 3))
    return _fill(shape, [outline + _somewhere(rng)]), plane(tint * (1 + grain)), True


def _cover(rng: np.random.Generator, shape: tuple[int, int]) -> _Mark:
    """A manhole or a grate."""
    at, size = _somewhere(rng), rng.uniform(0.25, 0.5)
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    if rng.random() < 0.7:
        rim = size * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    else:
        rim = _turned(_bar(size, 2 * size), _along(rng))
    coverage = _fill(shape, [rim + at])
    inner = _fill(shape, [0.85 * rim + at])
    plate = fractal_noise(rng, *shape, 64, 3)
    tone = np.where(inner > 0.5, rng.uniform(0.6, 1.1) + 0.3 * plate, rng.uniform(0.4, 1.2))
    return coverage, plane(tone)[..., None], True


def _shade(rng: np.random.Generator, shape: tuple[int, int]) -> _Mark:
    """The shadow of a tree, a pole, a wire or a house, or a patch of sun."""
    kind = int(rng.integers(3))
    if kind == 0:
        spread = rng.uniform(1, 4)
        center = _somewhere(rng)
        outlines = [
            _lump(rng, rng.uniform(0.1, 0.8)) + center + rng.normal(0, spread, 2)
            for _ in range(int(rng.integers(5, 40)))
        ]
    else:
        widths, lengths = ((0.03, 0.4), (3, 30)) if kind == 1 else ((2, 12), (5, 40))
        bar = _bar(rng.uniform(*widths), rng.uniform(*lengths))
        outlines = [_turned(bar, rng.uniform(0, np.pi)) + _somewhere(rng)]
    coverage = plane(cv2.GaussianBlur(_fill(shape, outlines), (0, 0), rng.uniform(0.5, 3)))
    blue = np.array([1.05, 1, 0.95]) ** rng.uniform(0, 2)
    factor = rng.uniform(0.35, 0.85) if rng.random() < 0.8 else rng.uniform(1.1, 1.5)
    return coverage, plane(factor * blue), True


_MARKS: tuple[Callable[[np.random.Generator, tuple[int, int]], _Mark], ...] = (
    *(_lines, _lines, _seams, _repair, _repair, _cover, _shade, _shade),
)
