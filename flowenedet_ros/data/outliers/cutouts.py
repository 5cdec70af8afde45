"""Cut-outs: RGBA pictures, pieces of unlabelled regions, and drawn objects."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..classes import VOID
from ..errors import DataError
from ..images import describe, list_images
from .shapes import SHAPES, blob
from .textures import cropped_texture, drawn_texture, plane

Image = NDArray[np.uint8]
Plane = NDArray[np.float32]

_LEAST_PATCH = 12  # pixels


@dataclass(frozen=True)
class Cutout:
    """An object without its background.

    :param image: uint8 (h, w, 3), BGR.
    :param alpha: float32 (h, w) in [0, 1], coverage.
    """

    image: Image
    alpha: NDArray[np.float32]


def load_cutouts(folder: str | Path) -> list[Cutout]:
    """Read all pictures with an alpha channel of a folder, in the order of their names.

    :raises DataError: where there are none, or one has no alpha channel.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f'{folder}: expected a folder of RGBA pictures, found {describe(folder)}')
    cutouts = []
    for path in list_images(folder):
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if image is None or image.ndim != 3 or image.shape[2] != 4 or image.dtype != np.uint8:
            raise DataError(f'{path}: expected an 8-bit RGBA picture of an object cut out')
        alpha = plane(image[..., 3] / 255)
        cutouts.append(trimmed(Cutout(np.asarray(image[..., :3], np.uint8), alpha)))
    if not cutouts:
        raise DataError(f'{folder}: expected RGBA pictures, found {describe(folder)}')
    return cutouts


def void_cutouts(image: Image, labels: Image) -> list[Cutout]:
    """Cut compact unlabelled regions out of a labelled picture: things its classes do not cover.

    What lies at the border is mostly the own bonnet or the frame of a rectified picture; what ends
    above the middle of the picture is left out too: there the unlabelled is mostly distant building
    and tree.

    :param labels: uint8 (H, W), 255 is void.
    """
    void = cv2.erode((labels == VOID).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.uint8)
    middle = len(labels) / 2
    return [
        Cutout(image[box].copy(), alpha)
        for box, alpha in _compact_regions(void)
        if box[0].stop - 1 >= middle
    ]


def known_cutouts(image: Image, labels: Image, things: Sequence[int]) -> list[Cutout]:
    """Cut things that a class covers out of a labelled picture, one by one where they lie apart.

    :param labels: uint8 (H, W).
    :param things: ids of classes of things, such as cars and people.
    """
    return [
        Cutout(image[box].copy(), alpha)
        for thing in things
        for box, alpha in _compact_regions((labels == thing).astype(np.uint8))
    ]


def ground_patch(
    rng: np.random.Generator, image: Image, labels: Image, ground: Sequence[int]
) -> Cutout | None:
    """Cut a blob out of the ground, None where a few tries find no room: a repaired road.

    :param labels: uint8 (H, W).
    :param ground: ids of road and pavement.
    """
    free = np.isin(labels, ground)
    for _ in range(8 if min(labels.shape) >= _LEAST_PATCH else 0):
        size = int(rng.integers(_LEAST_PATCH, max(_LEAST_PATCH + 1, len(labels) // 4)))
        alpha = blob(rng, size).alpha
        top = int(rng.integers(labels.shape[0] - size + 1))
        left = int(rng.integers(labels.shape[1] - size + 1))
        box = np.s_[top : top + size, left : left + size]
        if free[box][alpha > 0.1].all():
            return trimmed(Cutout(image[box].copy(), alpha))
    return None


def _compact_regions(mask: NDArray[np.uint8]) -> list[tuple[tuple[slice, slice], Plane]]:
    """Give box and coverage of each region of a mask that looks like one whole thing.

    Regions at the border, slivers, and those of less than a twenty-fifth or more than half of the
    picture's height are left out.
    """
    height, width = mask.shape
    _, regions, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    found = []
    for index, (left, top, w, h, area) in enumerate(stats[1:].tolist(), start=1):
        touches = left <= 1 or top <= 1 or left + w >= width - 1 or top + h >= height - 1
        fits = max(0.04 * height, 16) <= h <= 0.5 * height and area >= 0.35 * w * h
        if touches or not fits:
            continue
        box = np.s_[top - 1 : top + h + 1, left - 1 : left + w + 1]
        found.append((box, (regions[box] == index).astype(np.float32)))
    return found


def drawn_cutout(rng: np.random.Generator, height: int, donors: Sequence[Image] = ()) -> Cutout:
    """Draw a random object, as a thing of one or two materials under a light.

    :param height: in pixels; about that of the result, which may lie on its side.
    :param donors: pictures from which half of the surfaces are taken; all are drawn without any.
    """
    size = int(np.clip(height, 40, 224))
    shape = SHAPES[rng.integers(len(SHAPES))](rng, size)
    width = shape.alpha.shape[1]

    def surface() -> NDArray[np.float32]:
        if donors and rng.random() < 0.5:
            return cropped_texture(rng, size, width, donors)
        return drawn_texture(rng, size, width)

    color = surface()
    if shape.material.any():
        color += (surface() - color) * shape.material[..., None]
    color *= shape.shade[..., None]
    cutout = Cutout(np.clip(color, 0, 255).astype(np.uint8), shape.alpha)
    if rng.random() < 0.35:
        cutout = rotate(cutout, rng.uniform(-100, 100))
    return mirror(cutout) if rng.random() < 0.5 else trimmed(cutout)


def mirror(cutout: Cutout) -> Cutout:
    """Swap left and right."""
    return trimmed(Cutout(cutout.image[:, ::-1], cutout.alpha[:, ::-1]))


def rotate(cutout: Cutout, degrees: float) -> Cutout:
    """Turn a cut-out on a canvas that still holds it."""
    height, width = cutout.alpha.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = (int(height * sin + width * cos) + 1, int(height * cos + width * sin) + 1)
    matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    turned = cv2.warpAffine(cutout.image, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return trimmed(
        Cutout(np.asarray(turned, np.uint8), plane(cv2.warpAffine(cutout.alpha, matrix, size)))
    )


def trimmed(cutout: Cutout) -> Cutout:
    """Drop empty rows and columns at the rim, so that the last row is where the object stands."""
    covered = cutout.alpha > 0.1
    rows, columns = np.flatnonzero(covered.any(1)), np.flatnonzero(covered.any(0))
    if not rows.size:
        return cutout
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Cutout(np.ascontiguousarray(cutout.image[box]), np.ascontiguousarray(cutout.alpha[box]))
