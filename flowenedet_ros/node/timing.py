"""Where the time of each frame went, over the most recent frames."""

import math
import threading
import time
from collections import deque
from dataclasses import dataclass

import numpy as np

STAGES = ('wait', 'convert', 'pre', 'backend', 'post', 'publish')


@dataclass(frozen=True)
class FrameTiming:
    """
    Milliseconds that one frame spent in each stage; the stages are disjoint and add up.

    :param total: from its callback to the end of publication.
    :param age: from its stamp to the end of publication, by the node's clock.
    """

    total: float
    convert: float
    pre: float
    backend: float
    post: float
    publish: float
    age: float

    @property
    def wait(self) -> float:
        """Milliseconds in none of the stages: for the worker, and for other cameras in it."""
        return self.total - self.convert - self.pre - self.backend - self.post - self.publish


class TimingWindow:
    """
    Keep the timings of the last frames and sum them up.

    :param frames: how many; the default is half a minute of a 30 Hz camera.
    """

    def __init__(self, frames: int = 1000) -> None:
        self._lock = threading.Lock()
        self._timings: deque[FrameTiming] = deque(maxlen=frames)
        self._published: deque[float] = deque(maxlen=frames)

    def add(self, timing: FrameTiming) -> None:
        """Note a frame that has just been published."""
        with self._lock:
            self._timings.append(timing)
            self._published.append(time.monotonic())

    def summary(self, rate_over: float = 5.0) -> dict[str, float]:
        """
        Sum up the window.

        :param rate_over: seconds to count the rate over.
        :returns: `rate_hz`, `age_p50_ms`, `age_p95_ms`, `backend_p50_ms`, `backend_p95_ms`, the
            mean `stage_*_ms` and their sum `total_ms`; only the rate while there are no frames.
        """
        with self._lock:
            timings, published = list(self._timings), list(self._published)
        recent = [moment for moment in published if time.monotonic() - moment <= rate_over]
        summary = {'rate_hz': _rate(recent)}
        if not timings:
            return summary
        ages = [timing.age for timing in timings if math.isfinite(timing.age)]
        if ages:
            summary['age_p50_ms'], summary['age_p95_ms'] = _p50_p95(ages)
        backend = [timing.backend for timing in timings]
        summary['backend_p50_ms'], summary['backend_p95_ms'] = _p50_p95(backend)
        for stage in STAGES:
            summary[f'stage_{stage}_ms'] = float(
                np.mean([getattr(timing, stage) for timing in timings])
            )
        summary['total_ms'] = float(np.mean([timing.total for timing in timings]))
        return summary


def _rate(moments: list[float]) -> float:
    if len(moments) < 2 or moments[-1] == moments[0]:
        return 0.0
    return (len(moments) - 1) / (moments[-1] - moments[0])


def _p50_p95(values: list[float]) -> tuple[float, float]:
    p50, p95 = np.percentile(values, (50, 95))
    return float(p50), float(p95)
