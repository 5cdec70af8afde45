"""Paste objects that no class covers into labelled road pictures, as training outliers."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .classes import KNOWN, OUTLIER
from .outliers.cutouts import Cutout, drawn_cutout, mirror
from .outliers.pasting import leave_false_trace, paste_cutout
from .outliers.placing import choose_place, fit_cutout
from .outliers.sizes import NEAR_TRAFFIC, OBSTACLES, TRAFFIC

Image = NDArray[np.uint8]
Option = TypeVar('Option')

_COUNT = (2, 6)
_KNOWN_COUNT = (1, 4)


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
            leave_false_trace(rng, image)
        marks = [OUTLIER] * int(rng.integers(_COUNT[0], _COUNT[1] + 1))
        if self._known:
            marks += [KNOWN] * int(rng.integers(_KNOWN_COUNT[0], _KNOWN_COUNT[1] + 1))
            rng.shuffle(marks)
        for mark in marks:
            is_known = mark == KNOWN
            things, sizes = _choose(rng, self._known) if is_known else ((), OBSTACLES)
            height = sizes.height(rng, len(image))
            drawn = _one_of(rng, things) if is_known else self._draw(rng, height)
            cutout = fit_cutout(rng, drawn, height, image.shape[1], turns=not is_known)
            place = choose_place(rng, cutout.alpha.shape, ground, sizes)
            paste_cutout(rng, cutout, place, image, labels, mark)
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
