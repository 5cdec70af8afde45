"""A model that is built again, with growing pauses, after its backend failed."""

import ctypes
import gc
import time
from collections.abc import Callable
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.inference import BackendError, FrameError, Model, Perception, Thresholds
from flowenedet_ros.inference.self_test import SelfTestReport

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0


class SupervisedModel:
    """
    Run the model and survive its backend; only the worker thread may call the methods.

    :param load: loads the bundle anew each time.
    """

    def __init__(self, load: Callable[[], Model]) -> None:
        self._load = load
        self._model: Model | None = None
        self._pause = FIRST_PAUSE
        self._retry_at = 0.0
        self._thresholds: Thresholds | None = None
        self.report: SelfTestReport | None = None
        self.failure: str | None = None
        self.failures = 0
        self.recoveries = 0

    def open(self) -> Model:
        """
        Load the model.

        :raises BundleError: the model folder is missing or broken.
        :raises BackendError: no backend can run it.
        """
        self._model = self._load()
        if self._thresholds is not None:
            self._model.thresholds = self._thresholds
        return self._model

    def close(self) -> None:
        """Free the model and hand its memory back to the system."""
        model, self._model = self._model, None
        if model is not None:
            # A backend that failed may fail at this too.
            with suppress(Exception):
                model.close()
        del model
        gc.collect()
        # The trim threshold of config/ros.env keeps freed memory for the next frame; none comes.
        with suppress(OSError, AttributeError):
            ctypes.CDLL('libc.so.6').malloc_trim(0)

    def reset(self) -> None:
        """Free the model and forget what was of it alone; the next one may be another."""
        self.close()
        self.report = self.failure = self._thresholds = None
        self._pause = FIRST_PAUSE

    def set_thresholds(self, thresholds: Thresholds) -> None:
        """Use these thresholds from the next frame on, also after a rebuild; any thread may."""
        self._thresholds = thresholds
        if self._model is not None:
            self._model.thresholds = thresholds

    def self_test(self) -> SelfTestReport:
        """Compare the model's answers with those stored in its bundle."""
        if self._model is None:
            self.report = SelfTestReport(self.failure or 'the model is not loaded')
        else:
            self.report = self._model.self_test()
        return self.report

    def warm_up(self, runs: int, batch: int) -> None:
        """
        Run empty frames, so that the first camera frame is as fast as any.

        :raises BackendError: the backend fails on them.
        """
        if self._model is not None:
            size = self._model.manifest.input
            for _ in range(runs):
                self._model.warm_up(size.height, size.width, batch)

    def run(self, images: list[NDArray[np.uint8]]) -> list[Perception]:
        """
        Segment images, building the backend again where it has failed before.

        :raises FrameError: an image that no backend could run.
        :raises BackendError: the backend failed, or is not to be tried again yet.
        """
        model = self._model or self._reopen()
        try:
            perceptions = model.run_batch(images)
        except FrameError:
            raise
        # Runtimes raise errors of their own beside BackendError; none may end the worker.
        except Exception as error:
            raise self._failed(error) from error
        if self.failure is not None:
            self.failure = None
            self.recoveries += 1
            self._pause = FIRST_PAUSE
        return perceptions

    def _reopen(self) -> Model:
        remaining = self._retry_at - time.monotonic()
        if remaining > 0.0:
            raise self._error(remaining)
        try:
            return self.open()
        except Exception as error:
            raise self._failed(error) from error

    def _failed(self, cause: Exception) -> BackendError:
        self.failure = str(cause)
        self.failures += 1
        # Freeing a large model takes time; the pause is for after it.
        self.close()
        pause = self._pause
        self._pause = min(2.0 * pause, LONGEST_PAUSE)
        self._retry_at = time.monotonic() + pause
        return self._error(pause)

    def _error(self, remaining: float) -> BackendError:
        return BackendError(f'{self.failure}; next attempt in {remaining:.1f} s')
