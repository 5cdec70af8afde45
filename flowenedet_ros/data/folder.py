"""A folder of pictures with label maps: `DIR/images` and `DIR/labels`, paired by stem."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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


class LabelledFolder:
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
        self._lut = label_maps.label_map(label_map) if isinstance(label_map, str) else label_map
        self._pairs = _find_pairs(self.folder)

    @property
    def names(self) -> list[str]:
        """Stems of all pictures in order."""
        return [image.stem for image, _ in self._pairs]

    def __len__(self) -> int:
        return len(self._pairs)

    def __iter__(self) -> Iterator[Sample]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Sample:
        """Read one pair.

        :raises DataError: where a file is damaged or the two sizes differ; it names the file.
        """
        image_path, labels_path = self._pairs[index]
        return read_sample(image_path, labels_path, self._lut, image_path.stem)


def read_sample(
    image_path: Path, labels_path: Path, lut: NDArray[np.uint8] | None, name: str
) -> Sample:
    """Read a picture and its label map, ids mapped through a table of 256.

    :raises DataError: where a file is damaged or the two sizes differ; it names the file.
    """
    image, labels = read_image(image_path), read_labels(labels_path)
    if image.shape[:2] != labels.shape:
        raise DataError(
            f'{labels_path}: labels are {_size(labels)}, but {image_path.name} is {_size(image)}'
        )
    return Sample(image, labels if lut is None else lut[labels], name)


def _size(array: NDArray[np.uint8]) -> str:
    return f'{array.shape[1]}x{array.shape[0]}'


def _find_pairs(folder: Path) -> list[tuple[Path, Path]]:
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
    return [(path, labels[stem]) for stem, path in images.items()]


def _by_stem(folder: Path) -> dict[str, Path]:
    paths: dict[str, Path] = {}
    for path in list_images(folder):
        if path.stem in paths:
            raise DataError(f'{folder}: {paths[path.stem].name} and {path.name} share one stem')
        paths[path.stem] = path
    return paths
