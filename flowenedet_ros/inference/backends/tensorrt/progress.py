"""How far the build of an engine is, in one fraction."""

from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

from flowenedet_ros.inference.backends.base import Progress

if TYPE_CHECKING:
    import tensorrt


class BuildProgress:
    """Turn TensorRT's nested phases into a fraction that only grows.

    A phase owns the part of its parent that one step of the parent is worth. The builder calls
    from several threads.
    """

    def __init__(self, report: Progress) -> None:
        self._report = report
        self._phases: dict[str, tuple[float, float, int]] = {}
        self._fraction = 0.0
        self._started = monotonic()
        self._lock = Lock()

    def start(self, name: str, parent: str | None, steps: int) -> None:
        """Begin a phase of `steps` steps."""
        with self._lock:
            low, width, parent_steps = self._phases.get(parent or '', (0.0, 1.0, 1))
            share = width / max(parent_steps, 1)
            inside = max(self._fraction, low) if parent else low
            self._phases[name] = (inside, min(share, low + width - inside), steps)
        self._tell(name)

    def step(self, name: str, step: int) -> None:
        """Note that a phase finished its step number `step`, counted from 0."""
        with self._lock:
            low, width, steps = self._phases.get(name, (self._fraction, 0.0, 1))
            done = low + width * min(step + 1, steps) / max(steps, 1)
            self._fraction = min(max(self._fraction, done), 1.0)
        self._tell(name)

    def finish(self, name: str) -> None:
        """End a phase."""
        with self._lock:
            low, width, _ = self._phases.pop(name, (self._fraction, 0.0, 1))
            self._fraction = min(max(self._fraction, low + width), 1.0)
        self._tell(name)

    def _tell(self, name: str) -> None:
        seconds = monotonic() - self._started
        self._report(f'building the TensorRT engine ({name}, {seconds:.0f} s)', self._fraction)


def progress_monitor(trt: Any, report: Progress) -> 'tensorrt.IProgressMonitor':
    """Make the object through which the builder reports."""
    progress = BuildProgress(report)

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            progress.start(phase_name, parent_phase, num_steps)

        def phase_finish(self, phase_name: str) -> None:
            progress.finish(phase_name)

        def step_complete(self, phase_name: str, step: int) -> bool:
            progress.step(phase_name, step)
            return True

    monitor: tensorrt.IProgressMonitor = Monitor()
    return monitor
