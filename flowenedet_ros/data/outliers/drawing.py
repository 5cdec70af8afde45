"""What drawn outliers are made of: planes, polygons and shading."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .textures import plane

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


def blank(height: int, width: int) -> Plane:
    """Return an empty plane."""
    return np.zeros((height, width), np.float32)


def fill(canvas: Plane, points: NDArray[np.floating], value: float = 1.0) -> None:
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


def grid(height: int, width: int) -> tuple[Plane, Plane]:
    """Return x and y of each pixel in units of the height."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return x / height, y / height


def rounded(alpha: Plane, rng: np.random.Generator) -> Plane:
    """Shade a silhouette as a bulging body: bright towards the light, dark at the far rim."""
    depth = cv2.GaussianBlur(alpha, (0, 0), max(alpha.shape[0] / 12, 0.8))
    slope_x = cv2.Sobel(depth, cv2.CV_32F, 1, 0, scale=alpha.shape[0] / 60)
    slope_y = cv2.Sobel(depth, cv2.CV_32F, 0, 1, scale=alpha.shape[0] / 60)
    light = rng.uniform(-1, 1)
    shade = 0.9 + 0.35 * (light * slope_x + slope_y)
    return plane(np.clip(shade, 0.3, 1.4))
