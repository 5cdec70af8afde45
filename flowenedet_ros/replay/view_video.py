"""A recorded result as a video: the overlay, at the speed at which it was recorded."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.inference.pictures import draw_overlay
from flowenedet_ros.replay.errors import ReplayError
from flowenedet_ros.replay.view_frames import ViewedResults

# The one codec for MP4 that every build of OpenCV can write, and fast.
CODEC = 'mp4v'
LONGEST_STILL_S = 5.0
_SLOWEST, _FASTEST = 1.0, 100.0


def write_video(
    results: ViewedResults, path: Path, on_frame: Callable[[], object] = lambda: None
) -> int:
    """Write the overlay of every frame as MP4; give how many pictures the video has.

    The rate is that of most frames. Where frames are missing the last one stands still, for at
    most `LONGEST_STILL_S`, so that the video keeps the time of the recording.

    :param on_frame: called for each frame of the bag.
    :raises ReplayError: there is no whole frame to show, or the file cannot be written.
    """
    if path.suffix != '.mp4':
        raise ReplayError(f'{path} is no name of a video: give one that ends in .mp4')
    rate = frames_per_second(results.stamps)
    video: _Video | None = None
    for frame in results.walk():
        picture = draw_overlay(frame.image, frame.perception, results.classes)
        _write_time(picture, (frame.stamp_ns - results.stamps[0]) / 1e9)
        if video is None:
            video = _Video(path, rate, picture)
        video.show(picture, frame.stamp_ns)
        on_frame()
    if video is None:
        raise ReplayError(f'{results.path} has no frame with all results: nothing to show')
    return video.close()


def frames_per_second(stamps: Sequence[int]) -> float:
    """Give the rate at which most of the frames follow each other, from 1 to 100."""
    gaps = np.diff(np.array(stamps, np.int64))
    rate = 1e9 / float(np.median(gaps)) if len(gaps) else _SLOWEST
    # MPEG-4 has no room for more decimals.
    return round(min(max(rate, _SLOWEST), _FASTEST), 2)


class _Video:
    """Show each picture until the time of the next.

    :param like: a picture of the size that all are shown in.
    """

    def __init__(self, path: Path, rate: float, like: NDArray[np.uint8]) -> None:
        self._path = path
        self._rate = rate
        # Colours are stored for two by two pixels.
        self._size = max(2, like.shape[1] & ~1), max(2, like.shape[0] & ~1)
        self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*CODEC), rate, self._size)
        if not self._writer.isOpened():
            raise ReplayError(f'{path} cannot be written as a video; is its folder writable?')
        self._shown: tuple[NDArray[np.uint8], int] | None = None
        self._due = 0.0
        self._written = 0

    def show(self, picture: NDArray[np.uint8], stamp_ns: int) -> None:
        """Show a picture from `stamp_ns` on."""
        if self._shown is not None:
            seconds = (stamp_ns - self._shown[1]) / 1e9
            self._due += min(max(seconds, 0.0), LONGEST_STILL_S) * self._rate
            self._write(self._shown[0], round(self._due) - self._written)
        self._shown = picture, stamp_ns

    def close(self) -> int:
        """Finish the file; give the number of its pictures."""
        if self._shown is not None:
            self._write(self._shown[0], 1)
        self._writer.release()
        # OpenCV does not say when it could not write.
        found = int(cv2.VideoCapture(str(self._path)).get(cv2.CAP_PROP_FRAME_COUNT))
        if found != self._written:
            raise ReplayError(
                f'{self._path} holds {found} of {self._written} pictures; is the disk full?'
            )
        return self._written

    def _write(self, picture: NDArray[np.uint8], times: int) -> None:
        resized = cv2.resize(picture, self._size, interpolation=cv2.INTER_AREA)
        # Each frame is seen; one that came early makes up for it by its successor.
        for _ in range(max(1, times)):
            self._writer.write(resized)
            self._written += 1


def _write_time(picture: NDArray[np.uint8], seconds: float) -> None:
    text, scale = f'{seconds:.2f} s', max(0.5, picture.shape[0] / 1000)
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    corner = picture.shape[1] - width - 8, picture.shape[0] - height
    for color, shift in (((0, 0, 0), 1), ((255, 255, 255), 0)):
        origin = corner[0] + shift, corner[1] + shift
        cv2.putText(picture, text, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, color, 1, cv2.LINE_AA)
