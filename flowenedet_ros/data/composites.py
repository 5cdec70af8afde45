"""Paste objects that no class covers into labelled road pictures, as training outliers."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from .classes import KNOWN, OUTLIER
from .outliers.cutouts import Cutout, drawn_cutout, mirror, rotate
from .outliers.sizes import NEAR_TRAFFIC, OBSTACLES, TRAFFIC, Sizes
from .outliers.textures import plane

Image = NDArray[np.uint8]
Option = TypeVar('Option')

_COUNT = (2, 6)
_KNOWN_COUNT = (1, 4)
_CAMOUFLAGED = 0.25
_FLAT = 0.2
_FADED = 0.5
# A camera about 1.3 m above the road, level: an object of so many metres standing h pixels below
# the horizon is h * metres / 1.3 pixels high.
CAMERA_HEIGHT = 1.3
HORIZON = 0.45


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


class OutlierPaster:
    """Paste two to six objects into a picture and label them `OUTLIER` (254).

    Half of the objects are drawn, a third are cut-outs and a sixth unlabelled regions where such
    are given. Their height is log-uniform in 1.5 to 45 % of the picture's, and less where they lie
    flat. Most stand on the ground where their size is plausible, the rest anywhere in the lower two
    thirds. Colours, sharpness and compression are drawn towards those of the place; a quarter of
    the objects nearly have the colours of the ground, and half are faded. Shadows and compressed
    patches also appear without an object, and one to four known things and patches of ground are
    pasted in the same way where such are given and labelled `KNOWN` (253), so that the traces of
    pasting say nothing. Of these a third are cut out of frames and stand where obstacles do, a
    third are too and stand where traffic does, up to 80 % of the picture high, a sixth are rendered
    and a sixth patches.

    :param cutouts: objects from elsewhere, a list from `load_cutouts` for each folder; the folders
        are equally likely, however many objects they hold.
    :param voids: unlabelled regions of labelled pictures, from `void_cutouts`.
    :param donors: uint8 BGR pictures that lend surfaces to drawn objects.
    :param ground: label ids of road and pavement; empty: objects stand anywhere.
    :param known: things that classes cover, from `known_cutouts`.
    :param rendered: things that classes cover, from elsewhere; none of them is pasted small.
    :param patches: of ground, from `ground_patch`.
    """

    def __init__(
        self,
        cutouts: Sequence[Sequence[Cutout]] = (),
        voids: Sequence[Cutout] = (),
        donors: Sequence[Image] = (),
        ground: Sequence[int] = (),
        known: Sequence[Cutout] = (),
        rendered: Sequence[Cutout] = (),
        patches: Sequence[Cutout] = (),
    ) -> None:
        folders = cutouts or [()]
        self._found = (*folders, *folders, *([voids] * len(folders)))
        found = [(known, OBSTACLES), (known, TRAFFIC)] * 2
        kinds = *found, (rendered, NEAR_TRAFFIC), (patches, OBSTACLES)
        self._known = [(things, sizes) for things, sizes in kinds if things]
        self._donors = donors
        self._ground = np.isin(np.arange(256), np.asarray(ground, np.int64))

    def __call__(
        self, rng: np.random.Generator, image: Image, labels: Image
    ) -> tuple[Image, Image]:
        """Return new arrays with objects pasted; the same generator state gives the same result.

        :param image: uint8 (H, W, 3), BGR.
        :param labels: uint8 (H, W).
        :returns: picture and labels; `OUTLIER` where an object covers more than half a pixel.
        """
        image, labels = image.copy(), labels.copy()
        ground = self._ground[labels]
        for _ in range(int(rng.integers(0, 3))):
            _leave_false_trace(rng, image)
        marks = [OUTLIER] * int(rng.integers(_COUNT[0], _COUNT[1] + 1))
        if self._known:
            marks += [KNOWN] * int(rng.integers(_KNOWN_COUNT[0], _KNOWN_COUNT[1] + 1))
            rng.shuffle(marks)
        for mark in marks:
            is_known = mark == KNOWN
            things, sizes = _choose(rng, self._known) if is_known else ((), OBSTACLES)
            height = sizes.height(rng, len(image))
            drawn = _one_of(rng, things) if is_known else self._draw(rng, height)
            cutout = _fit(rng, drawn, height, image.shape[1], turns=not is_known)
            place = _place(rng, cutout.alpha.shape, ground, sizes)
            _paste(rng, cutout, place, image, labels, mark)
        return image, labels

    def _draw(self, rng: np.random.Generator, height: int) -> Cutout:
        found = _choose(rng, self._found)
        if found and rng.random() < 0.5:
            return _one_of(rng, found)
        return drawn_cutout(rng, height, self._donors)


def _choose(rng: np.random.Generator, options: Sequence[Option]) -> Option:
    return options[int(rng.integers(len(options)))]


def _one_of(rng: np.random.Generator, cutouts: Sequence[Cutout]) -> Cutout:
    """Choose a cut-out, mirrored half of the time."""
    cutout = _choose(rng, cutouts)
    return mirror(cutout) if rng.random() < 0.5 else cutout


def _fit(
    rng: np.random.Generator, cutout: Cutout, height: int, most: int, *, turns: bool
) -> Cutout:
    """Scale a cut-out to a height, a little stretched, at most 60 % of a width.

    :param turns: turn some a little and lay some flat.
    """
    if turns and rng.random() < 0.3:
        cutout = rotate(cutout, rng.uniform(-20, 20))
    # Enlarging a small cut-out much would only teach what enlarging looks like.
    upright = min(height, 3 * cutout.alpha.shape[0])
    lies = turns and rng.random() < _FLAT
    height = max(round(upright * rng.uniform(0.2, 0.6)), 3) if lies else upright
    aspect = cutout.alpha.shape[1] / cutout.alpha.shape[0] * float(np.exp(rng.normal(0, 0.2)))
    width = int(np.clip(upright * aspect, 3, 0.6 * most))
    # INTER_AREA keeps thin parts as partial coverage instead of dropping them.
    shrinks = height < cutout.alpha.shape[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    image = cv2.resize(cutout.image, (width, height), interpolation=method)
    alpha = cv2.resize(cutout.alpha, (width, height), interpolation=method)
    return Cutout(np.asarray(image, np.uint8), plane(alpha))


def _place(
    rng: np.random.Generator, size: tuple[int, ...], ground: NDArray[np.bool_], sizes: Sizes
) -> tuple[int, int]:
    """Choose the left top corner; it may lie outside, as an object may be cut by the border."""
    height, width = size[0], size[1]
    rows, columns = ground.shape
    metres = float(np.exp(rng.normal(np.log(sizes.metres), sizes.spread)))
    foot = HORIZON * rows + height * CAMERA_HEIGHT / metres
    if rng.random() < 0.3 or not rows / 3 < foot < rows:
        foot = rng.uniform(rows / 3, rows)
    middle = int(rng.integers(columns))
    if rng.random() < 0.75:
        free = np.flatnonzero(ground[int(foot)])
        if free.size:
            middle = int(free[rng.integers(free.size)])
    return middle - width // 2, int(foot) - height


def _paste(
    rng: np.random.Generator,
    cutout: Cutout,
    corner: tuple[int, int],
    image: Image,
    labels: Image,
    mark: int,
) -> None:
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


def _leave_false_trace(rng: np.random.Generator, image: Image) -> None:
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
