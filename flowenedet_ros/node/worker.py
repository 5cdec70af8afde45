"""The thread that owns the backend: everything that touches the model runs here."""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from flowenedet_ros.node.frame_slot import Frame, FrameSlots

T = TypeVar('T')
Process = Callable[[list[tuple[int, Frame]]], None]


class Worker:
    """
    Run jobs, and frames while it is active, one after the other on a thread of its own.

    GPU contexts belong to the thread that made them, so loading, warming up, self-test and
    closing are jobs of this thread too.

    :param process: does the work for (camera, frame) pairs; must not raise.
    """

    def __init__(self, slots: FrameSlots, process: Process) -> None:
        self._slots = slots
        self._process = process
        self._jobs: deque[Callable[[], None]] = deque()
        self._stopping = False
        self._busy_since: float | None = None
        self._batch = 0
        # A daemon, so that a backend that never returns cannot keep the process alive.
        self._thread = threading.Thread(target=self._run, name='flowenedet-worker', daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[], T]) -> 'Future[T]':
        """Queue a job; its future carries the result or the exception."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(job())
            except Exception as error:
                future.set_exception(error)

        with self._slots.changed:
            self._jobs.append(run)
            self._slots.changed.notify()
        return future

    def activate(self, batch: int) -> None:
        """Begin to take frames, up to `batch` cameras at a time."""
        with self._slots.changed:
            self._batch = batch
            self._slots.changed.notify()

    def deactivate(self) -> None:
        """Take no more frames; the one in work is finished."""
        with self._slots.changed:
            self._batch = 0

    def busy_seconds(self) -> float:
        """Tell for how long the current frames have been in work; 0 when there are none."""
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    def stop(self, timeout: float) -> bool:
        """End the thread after the work in hand; False where that takes longer than `timeout`."""
        with self._slots.changed:
            self._stopping = True
            self._slots.changed.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._slots.changed:
                self._slots.changed.wait_for(self._has_work)
                if self._stopping and not self._jobs:
                    return
                job = self._jobs.popleft() if self._jobs else None
                batch = self._batch
            if job is not None:
                job()
                continue
            frames = self._slots.take(batch)
            if frames:
                self._busy_since = time.monotonic()
                self._process(frames)
                self._busy_since = None
            # Frames hold megabytes; do not keep the last one until the next comes.
            del frames

    def _has_work(self) -> Any:
        return self._stopping or self._jobs or (self._batch and self._slots.waiting())
