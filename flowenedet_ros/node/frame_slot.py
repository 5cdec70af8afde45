"""One waiting frame per camera: the newest wins."""

import threading
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Frame:
    """A received camera message that passed the checks.

    :param message: sensor_msgs Image or CompressedImage.
    :param received: `time.monotonic()` at its callback.
    """

    message: Any
    height: int
    width: int
    received: float


class FrameSlots:
    """
    Hold at most one frame for each camera until the worker takes it.

    A camera faster than the worker thus never makes it late, and a fast camera cannot push out a
    slow one.
    """

    def __init__(self, cameras: int) -> None:
        self.changed = threading.Condition()
        self._frames: list[Frame | None] = [None] * cameras
        self._next = 0

    def put(self, camera: int, frame: Frame) -> bool:
        """Leave the newest frame of a camera; tell whether it replaced one that still waited."""
        with self.changed:
            replaced = self._frames[camera] is not None
            self._frames[camera] = frame
            self.changed.notify()
        return replaced

    def take(self, limit: int) -> list[tuple[int, Frame]]:
        """
        Take the waiting frames of up to `limit` cameras, in turn, without waiting for any.

        :returns: (camera, frame) pairs, beginning with the camera whose turn it is.
        """
        taken: list[tuple[int, Frame]] = []
        with self.changed:
            cameras = len(self._frames)
            for camera in [(self._next + i) % cameras for i in range(cameras)]:
                frame = self._frames[camera]
                if frame is not None and len(taken) < limit:
                    taken.append((camera, frame))
                    self._frames[camera] = None
            if taken:
                self._next = (taken[-1][0] + 1) % cameras
        return taken

    def waiting(self) -> bool:
        """Tell whether a frame waits; call it with `changed` held to wait for one."""
        return any(frame is not None for frame in self._frames)

    def newest(self, camera: int) -> Frame | None:
        """Give the waiting frame of a camera and leave it there."""
        with self.changed:
            return self._frames[camera]
