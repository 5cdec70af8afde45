"""A folder of pictures with label maps: `DIR/images` and `DIR/labels`, paired by stem."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from . import label_maps
from .errors import DataError
from .images import describe, list_images, read_image, read_labels, shorten

LABEL_FOLDERS = ('labels', 'labels_trainIds')


@dataclass(frozen=True)
class Sample:
    """One labelled picture.

    :param image: uint8 (H, W, 3), BGR.
    :param labels: uint8 (H, W), 255 where nothing is labelled.
    :param name: stem of the files, unique in its folder.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    name: str


class Pair(NamedTuple):
    """Files of one labelled picture.

    :param name: unique in its data set.
    """

    image: Path
    labels: Path
    name: str


class PairedImages:
    """Labelled pictures in a fixed order, read when they are asked for.

    :param lut: table of 256 ids that the files' ids are mapped through.
    :param allowed: ids that may come out; other ids are an error of the file. None: any.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        lut: NDArray[np.uint8] | None = None,
        allowed: Collection[int] | None = None,
    ) -> None:
        self._pairs = pairs
        self._lut = lut
        self._allowed = allowed

    @property
    def names(self) -> list[str]:
        """Names of all pictures in order."""
        return [pair.name for pair in self._pairs]

    @property
    def pairs(self) -> Sequence[Pair]:
        """Files of all pictures in order."""
        return self._pairs

    def __len__(self) -> int:
        return len(self._pairs)

    def __iter__(self) -> Iterator[Sample]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Sample:
        """Read one pair.

        :raises DataError: where a file is damaged, the two sizes differ or an id is not allowed;
            it names the file.
        """
        pair = self._pairs[index]
        image, labels = read_image(pair.image), read_labels(pair.labels)
        if image.shape[:2] != labels.shape:
            raise DataError(
                f'{pair.labels}: labels are {_size(labels)}, '
                f'but {pair.image.name} is {_size(image)}'
            )
        if self._lut is not None:
            labels = np.asarray(cv2.LUT(labels, self._lut), np.uint8)
        if self._allowed is not None:
            self._check(labels, pair.labels)
        return Sample(image, labels, pair.name)

    def _check(self, labels: NDArray[np.uint8], path: Path) -> None:
        counts = cv2.calcHist([labels], [0], None, [256], [0, 256])
        found = set(np.flatnonzero(counts).tolist())
        if not found <= set(self._allowed or ()):
            raise DataError(
                f'{path}: expected labels {sorted(self._allowed or ())}, found {sorted(found)}'
            )


class LabelledFolder(PairedImages):
    """Pictures of `DIR/images` with the label maps of `DIR/labels` or `DIR/labels_trainIds`.

    The order is that of the names, the same on every machine.

    :param folder: DIR.
    :param label_map: name of a table of `label_maps`, a table of 256 ids of one's own, or None
        for ids as the files have them.
    :raises DataError: where folders are missing, or no picture has a label map of its stem, or
        some picture has none.
    """

    def __init__(
        self, folder: str | Path, label_map: str | NDArray[np.uint8] | None = None
    ) -> None:
        self.folder = Path(folder)
        lut = label_maps.label_map(label_map) if isinstance(label_map, str) else label_map
        super().__init__(_find_pairs(self.folder), lut)


def _size(array: NDArray[np.uint8]) -> str:
    return f'{array.shape[1]}x{array.shape[0]}'


def _find_pairs(folder: Path) -> list[Pair]:
    label_folder = next((folder / n for n in LABEL_FOLDERS if (folder / n).is_dir()), None)
    if label_folder is None or not (folder / 'images').is_dir():
        raise DataError(
            f'{folder}: expected the folders images/ and labels/ (or labels_trainIds/), '
            f'found {describe(folder)}'
        )
    images = _by_stem(folder / 'images')
    labels = _by_stem(label_folder)
    if not images:
        found = describe(folder / 'images')
        raise DataError(f'{folder / "images"}: expected pictures, found {found}')
    missing = [path.name for stem, path in images.items() if stem not in labels]
    if missing:
        raise DataError(
            f'{label_folder}: expected a label map with the stem of each of {len(images)} '
            f'pictures, found none for {len(missing)}: {shorten(missing)}'
        )
    return [Pair(path, labels[stem], stem) for stem, path in images.items()]


def _by_stem(folder: Path) -> dict[str, Path]:
    paths: dict[str, Path] = {}
    for path in list_images(folder):
        if path.stem in paths:
            raise DataError(f'{folder}: {paths[path.stem].name} and {path.name} share one stem')
        paths[path.stem] = path
    return paths
