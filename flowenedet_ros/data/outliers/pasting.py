"""Pasting that leaves no trace which betrays it: colours, sharpness, shadows, compression."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .cutouts import Cutout
from .textures import plane

Image = NDArray[np.uint8]

_CAMOUFLAGED = 0.25
_FADED = 0.5


class Box(NamedTuple):
    """A rectangle of pixels, right and bottom excluded."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the rectangle in an array of (H, W)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def paste_cutout(
    rng: np.random.Generator,
    cutout: Cutout,
    corner: tuple[int, int],
    image: Image,
    labels: Image,
    mark: int,
) -> None:
    """Paste a cut-out of its final size into a picture, and label it.

    :param corner: left and top pixel; what lies outside the picture is cut off.
    :param image: uint8 (H, W, 3), BGR, written to.
    :param labels: uint8 (H, W), written to: `mark` where the object covers more than half a pixel.
    """
    height, width = cutout.alpha.shape
    margin = 2 + height // 8
    left, top = corner
    box = Box(
        max(left - margin, 0),
        max(top - margin, 0),
        min(left + width + margin, image.shape[1]),
        min(top + height + margin, image.shape[0]),
    )
    if box.right - box.left < 3 or box.bottom - box.top < 3:
        return
    place = plane([[1, 0, left - box.left], [0, 1, top - box.top]])
    size = (box.right - box.left, box.bottom - box.top)
    alpha = cv2.warpAffine(cutout.alpha, place, size)
    color = cv2.warpAffine(cutout.image, place, size, borderMode=cv2.BORDER_REPLICATE)
    patch = image[box.slices]
    softness = rng.uniform(0.3, 0.5 + min(height / 100, 0.8))
    coverage = plane(cv2.GaussianBlur(alpha, (0, 0), softness))
    if rng.random() < 0.5:
        _shadow(rng, patch, (left - box.left, top - box.top, width, height))
    adapted = _adapt(rng, plane(color), coverage, patch)
    mixed = patch + (adapted - patch) * coverage[..., None]
    patch[:] = _recorded(rng, np.clip(mixed, 0, 255).astype(np.uint8))
    labels[box.slices][coverage > 0.5] = mark


def leave_false_trace(rng: np.random.Generator, image: Image) -> None:
    """Leave the traces of pasting where nothing is pasted."""
    rows, columns = image.shape[:2]
    height = int(rows * rng.uniform(0.05, 0.25))
    width = min(int(height * rng.uniform(0.7, 2)), columns)
    top = int(rng.integers(rows // 3, rows - height + 1))
    left = int(rng.integers(columns - width + 1))
    patch = image[Box(left, top, left + width, top + height).slices]
    if rng.random() < 0.5:
        _shadow(rng, patch, (width // 4, height // 4, width // 2, height // 2))
    patch[:] = _recorded(rng, patch)


def _adapt(
    rng: np.random.Generator,
    color: NDArray[np.float32],
    coverage: NDArray[np.float32],
    patch: Image,
) -> NDArray[np.float32]:
    """Jitter an object's colours, fade some, and draw them part of the way to those around it."""
    if rng.random() < _FADED:
        grey = color.mean(2, keepdims=True)
        color = grey + (color - grey) * np.float32(rng.uniform(0.1, 1))
    gain = 255 * plane(np.exp(rng.normal(0, 0.08, 3))) * np.float32(rng.uniform(0.7, 1.2))
    color = plane((color / 255) ** np.float32(np.exp(rng.normal(0, 0.3))) * gain)
    total = max(float(coverage.sum()), 1e-3)
    own = (color * coverage[..., None]).sum((0, 1)) / total
    around = patch.reshape(-1, 3).mean(0)
    if rng.random() < _CAMOUFLAGED:
        # In the colours of the ground: what a segmenter is sure to be road.
        color = own + (color - own) * np.float32(rng.uniform(0.4, 1))
        color += np.float32(rng.uniform(0.5, 0.9)) * plane(around - own)
    else:
        color += np.float32(0.7 * rng.beta(1.2, 2)) * plane(around - own)
    if rng.random() < 0.4:
        color = plane(cv2.GaussianBlur(color, (0, 0), rng.uniform(0.3, 1.2)))
    if rng.random() < 0.4:
        noise = rng.standard_normal(color.shape[:2], np.float32)[..., None]
        color += noise * np.float32(rng.uniform(1, 6))
    return color


def _shadow(rng: np.random.Generator, patch: Image, at: tuple[int, int, int, int]) -> None:
    """Darken the ground under an object; its labels stay what they were."""
    left, top, width, height = at
    dark = np.zeros(patch.shape[:2], np.float32)
    center = (int(left + width * rng.uniform(0.3, 0.7)), top + height)
    axes = (max(int(width * rng.uniform(0.4, 0.7)), 1), max(height // 10, 1))
    cv2.ellipse(dark, center, axes, 0, 0, 360, float(rng.uniform(0.2, 0.6)), -1)
    light = 1 - plane(cv2.GaussianBlur(dark, (0, 0), 0.5 + height / 25))
    patch[:] = (patch * light[..., None]).astype(np.uint8)


def _recorded(rng: np.random.Generator, patch: Image) -> Image:
    """Record a patch as a camera would: sometimes a little blurred, sometimes compressed."""
    if rng.random() < 0.25:
        patch = np.asarray(cv2.GaussianBlur(patch, (0, 0), rng.uniform(0.3, 0.8)), np.uint8)
    if rng.random() < 0.3:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(50, 96))]
        _, data = cv2.imencode('.jpg', patch, quality)
        patch = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return patch
