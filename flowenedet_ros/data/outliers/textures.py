"""Random surfaces: noise, fur, stripes, checks, prints, and pieces of other pictures."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Image = NDArray[np.uint8]
Plane = NDArray[np.float32]


def plane(values: ArrayLike) -> Plane:
    """Return values as float32."""
    return np.asarray(values, np.float32)


def random_color(rng: np.random.Generator) -> Plane:
    """Draw a BGR colour; greys and dull colours are as frequent as bright ones, as on a road."""
    hue, saturation = rng.integers(180), int(255 * rng.beta(0.8, 1.4))
    value = int(rng.uniform(25, 250))
    pixel = np.array([[[hue, saturation, value]]], np.uint8)
    return plane(cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0])


def fractal_noise(
    rng: np.random.Generator, height: int, width: int, cells: int = 3, octaves: int = 4
) -> Plane:
    """Sum smooth noise of doubling frequency.

    :param cells: cells of the coarsest octave along each side.
    :returns: float32 (height, width) in [0, 1].
    """
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        count = cells << octave
        grid = rng.random((min(count, height), min(count, width)), np.float32) * 0.5**octave
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR)
    low, high = float(total.min()), float(total.max())
    return plane((total - low) / max(high - low, 1e-6))


def _axes(height: int, width: int, angle: float) -> tuple[Plane, Plane]:
    """Return coordinates in units of the height, turned by an angle."""
    rows = np.arange(height, dtype=np.float32)[:, None] / height
    columns = np.arange(width, dtype=np.float32)[None, :] / height
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return plane(cos * columns + sin * rows), plane(cos * rows - sin * columns)


def _noise(rng: np.random.Generator, height: int, width: int) -> Plane:
    return fractal_noise(rng, height, width, int(rng.integers(1, 9)), 4)


def _grain(rng: np.random.Generator, height: int, width: int) -> Plane:
    grain = rng.standard_normal((height, width), np.float32)
    return plane(np.clip(0.5 + grain * np.float32(rng.uniform(0.02, 0.2)), 0, 1))


def _fur(rng: np.random.Generator, height: int, width: int) -> Plane:
    kernel = (1, 2 * int(rng.integers(2, 8)) + 1)
    strands = cv2.blur(rng.random((height, width), np.float32), kernel[:: rng.choice([-1, 1])])
    return plane(np.clip(strands * 3 - 1, 0, 1) * fractal_noise(rng, height, width, 2, 2))


def _stripes(rng: np.random.Generator, height: int, width: int) -> Plane:
    across, _ = _axes(height, width, rng.uniform(0, np.pi))
    wave = np.sin(across * np.float32(2 * np.pi * rng.uniform(1, 8)) + rng.random())
    return plane(wave > rng.uniform(-0.6, 0.6))


def _checks(rng: np.random.Generator, height: int, width: int) -> Plane:
    across, along = _axes(height, width, rng.choice([0.0, rng.uniform(0, np.pi)]))
    frequency = np.float32(rng.uniform(1, 6))
    return plane((np.floor(across * frequency) + np.floor(along * frequency)) % 2)


def _camouflage(rng: np.random.Generator, height: int, width: int) -> Plane:
    noise = fractal_noise(rng, height, width, int(rng.integers(2, 5)), 3)
    return plane(np.floor(noise * rng.integers(2, 5) * 0.999) / 3)


def _gradient(rng: np.random.Generator, height: int, width: int) -> Plane:
    across, _ = _axes(height, width, rng.uniform(0, 2 * np.pi))
    return plane((across - across.min()) / max(float(np.ptp(across)), 1e-6))


def _print(rng: np.random.Generator, height: int, width: int) -> Plane:
    """Draw lines of dashes, like text or a label on a box."""
    canvas = np.zeros((height, width), np.float32)
    for row in np.linspace(0.1, 0.9, int(rng.integers(3, 7))) * height:
        for column in np.arange(0.1, 0.9, 0.08) * width:
            if rng.random() < 0.7:
                corner = (int(column + 0.06 * width), int(row + 0.06 * height))
                cv2.rectangle(canvas, (int(column), int(row)), corner, 1.0, -1)
    return canvas


_PATTERNS = (_noise, _noise, _grain, _fur, _stripes, _checks, _camouflage, _gradient, _print)


def drawn_texture(rng: np.random.Generator, height: int, width: int) -> Plane:
    """Draw a random pattern between two random colours with grain on top.

    :returns: float32 (height, width, 3), BGR, 0 to 255.
    """
    first, second = random_color(rng), random_color(rng)
    pattern = _PATTERNS[rng.integers(len(_PATTERNS))](rng, height, width)[..., None]
    contrast = np.float32(rng.uniform(0.2, 1.0))
    texture = first + (second - first) * pattern * contrast
    grain = rng.standard_normal((height, width), np.float32)[..., None]
    return plane(np.clip(texture + grain * np.float32(rng.uniform(0, 10)), 0, 255))


def cropped_texture(
    rng: np.random.Generator, height: int, width: int, donors: Sequence[Image]
) -> Plane:
    """Take a piece of a random picture at a random scale, flipped or turned at random.

    :param donors: uint8 BGR pictures, at least one.
    :returns: float32 (height, width, 3), BGR, 0 to 255.
    """
    donor = donors[int(rng.integers(len(donors)))]
    scale = rng.uniform(0.5, 2.5)
    crop_height = min(max(int(height * scale), 8), donor.shape[0])
    crop_width = min(max(int(width * scale), 8), donor.shape[1])
    top = rng.integers(donor.shape[0] - crop_height + 1)
    left = rng.integers(donor.shape[1] - crop_width + 1)
    crop = donor[top : top + crop_height, left : left + crop_width]
    crop = np.rot90(crop, int(rng.choice([0, 0, 0, 1, 2, 3])))[:, :: rng.choice([-1, 1])]
    resized = cv2.resize(np.ascontiguousarray(crop), (width, height), interpolation=cv2.INTER_AREA)
    return plane(resized)
