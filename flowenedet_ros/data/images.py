"""Pictures and label maps from files, complete or refused with their path."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from .errors import DataError

IMAGE_SUFFIXES = frozenset(
    {'.png', '.jpg', '.jpeg', '.webp', '.bmp', '.ppm', '.pgm', '.tif', '.tiff', '.jp2'}
)
"""Endings that are taken for pictures; OpenCV reads each of them."""


def list_images(folder: Path) -> list[Path]:
    """Return the pictures of one folder in the order of their names, hidden files left out."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith('.')
    )


def describe(folder: Path) -> str:
    """Say in a few words what is at a path, for the end of an error message."""
    if not folder.exists():
        return 'no such folder'
    if not folder.is_dir():
        return 'a file'
    names = sorted(path.name + '/' * path.is_dir() for path in folder.iterdir())
    return shorten(names) if names else 'an empty folder'


def shorten(names: Sequence[str], most: int = 5) -> str:
    """Join names, the first few of many."""
    more = f' and {len(names) - most} more' if len(names) > most else ''
    return ', '.join(names[:most]) + more


def read_image(path: Path) -> NDArray[np.uint8]:
    """Read a picture as BGR.

    :returns: uint8 (H, W, 3). The camera's own orientation: an EXIF rotation is not applied, as
        the label map beside the picture has none.
    :raises DataError: where the file is missing, cut short or no picture.
    """
    return _decode(path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)


def read_labels(path: Path) -> NDArray[np.uint8]:
    """Read a label map.

    :returns: uint8 (H, W), ids as the file has them.
    :raises DataError: where the file is missing, cut short, or holds colours instead of ids.
    """
    labels = _decode(path, cv2.IMREAD_UNCHANGED)
    if labels.dtype != np.uint8:
        raise DataError(f'{path}: labels must be 8-bit ids, found {labels.dtype}')
    if labels.ndim == 3:
        if (labels[..., :1] != labels[..., :3]).any():
            raise DataError(f'{path}: labels must be one channel of ids, found a colour picture')
        labels = np.ascontiguousarray(labels[..., 0])
    return labels


def _decode(path: Path, flags: int) -> NDArray[np.uint8]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f'{path}: cannot be read ({error.strerror})') from None
    if not data:
        raise DataError(f'{path}: the file is empty')
    if _is_cut_short(data):
        raise DataError(f'{path}: the picture is cut short ({len(data)} bytes); fetch it again')
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if image is None:
        raise DataError(f'{path}: not a picture that OpenCV reads, or damaged')
    return image  # type: ignore[return-value]  # OpenCV's stubs do not know the flags' dtypes


def _is_cut_short(data: bytes) -> bool:
    """Tell a truncated file by its format's end marker: OpenCV fills what is missing with grey."""
    if data.startswith(b'\x89PNG'):
        return b'IEND' not in data[-64:]
    if data.startswith(b'\xff\xd8'):
        # A thumbnail inside the header has an end marker of its own, and some cameras append.
        return b'\xff\xd9' not in data[len(data) // 2 :]
    if data.startswith(b'RIFF') and data[8:12] == b'WEBP':
        return len(data) < int.from_bytes(data[4:8], 'little') + 8
    return False
