"""Frames with time stamps from a video file or a folder of pictures."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from .errors import DataError
from .images import describe, list_images, read_image

_LOG = logging.getLogger(__name__)

_PICTURES_PER_SECOND = 10.0


@dataclass(frozen=True)
class VideoFrame:
    """One frame of a stream.

    :param image_bgr: uint8 (H, W, 3).
    :param stamp_s: seconds since the first frame.
    :param name: file name, or number of the frame in the video.
    """

    image_bgr: NDArray[np.uint8]
    stamp_s: float
    name: str


def open_video(path: str | Path, fps: float | None = None) -> Iterator[VideoFrame]:
    """Read a video file, or the pictures of a folder in the order of their names.

    A damaged picture of a folder is logged and left out; its time passes all the same. Stamps
    always increase.

    :param fps: frames a second. Default: what the video says; 10 for pictures.
    :raises DataError: at once where there is no video and no picture; while reading where no
        frame at all can be read.
    """
    path = Path(path)
    if fps is not None and not 0 < fps < float('inf'):
        raise DataError(f'the frame rate must be a positive number, found {fps}')
    if path.is_dir():
        pictures = list_images(path)
        if not pictures:
            raise DataError(f'{path}: expected pictures, found {describe(path)}')
        return _read_pictures(pictures, fps or _PICTURES_PER_SECOND)
    if not path.exists():
        raise DataError(f'{path}: no such file; expected a video or a folder of pictures')
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        raise DataError(f'{path}: not a video that OpenCV reads, or damaged')
    return _read_capture(path, capture, fps)


def _read_pictures(pictures: list[Path], fps: float) -> Iterator[VideoFrame]:
    read = 0
    for index, picture in enumerate(pictures):
        try:
            image = read_image(picture)
        except DataError as error:
            _LOG.warning('left out: %s', error)
            continue
        read += 1
        yield VideoFrame(image, index / fps, picture.name)
    if not read:
        raise DataError(f'{pictures[0].parent}: none of {len(pictures)} pictures can be read')


def _read_capture(path: Path, capture: cv2.VideoCapture, fps: float | None) -> Iterator[VideoFrame]:
    stated = capture.get(cv2.CAP_PROP_FPS)
    # A rate of thousands is a container's time base mistaken for a rate.
    rate = fps or (stated if 0 < stated < 1000 else _PICTURES_PER_SECOND)
    start, stamp = None, -1.0
    try:
        for index in range(1 << 62):
            read, image = capture.read()
            if not read:
                break
            told = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            start = told if start is None else start
            told -= start
            # Some containers tell no times, or the same time again.
            use_told = fps is None and told > stamp and (index == 0 or told > 0)
            stamp = told if use_told else max(index / rate, stamp + 1e-6)
            yield VideoFrame(np.asarray(image, np.uint8), stamp, f'{index:06d}')
    finally:
        capture.release()
    if start is None:
        raise DataError(f'{path}: holds no frame that OpenCV can decode')
