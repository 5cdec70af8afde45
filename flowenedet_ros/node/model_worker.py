"""The model, and the thread on which everything that touches it runs."""

from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from rclpy.node import Node

from flowenedet_ros.inference import FlowEneDetError, Model, Thresholds, load_bundle
from flowenedet_ros.inference.self_test import SelfTestReport
from flowenedet_ros.node import parameters
from flowenedet_ros.node.frame_slot import FrameSlots
from flowenedet_ros.node.supervised_model import SupervisedModel
from flowenedet_ros.node.transitions import InterruptedTransition
from flowenedet_ros.node.worker import Process, Worker

T = TypeVar('T')
STOP_TIMEOUT_S = 0.8


class ModelWorker:
    """
    Load, test, warm up and free the model that the node's parameters name.

    Its methods are called from the executor's thread and wait for the worker's.

    :param process: does the work for frames, on the worker's thread; must not raise.
    :param tell: called with what the worker is doing, where that takes long.
    """

    def __init__(
        self, node: Node, slots: FrameSlots, process: Process, tell: Callable[[str], None]
    ) -> None:
        self._node = node
        self._tell = tell
        self._worker = Worker(slots, process)
        self.supervised = SupervisedModel(self._load)
        self.model: Model | None = None
        """The model while there is one to report on; the worker may be rebuilding its backend."""

    # While the node is configured and cleaned up.

    def open(self) -> Model:
        """
        Load the model.

        :raises FlowEneDetError: it is missing or broken, or no backend can run it.
        """
        return self._wait_for(self.supervised.open)

    def require_self_test(self) -> None:
        """
        Compare the model's answers with those stored in its bundle.

        :raises FlowEneDetError: they differ.
        """
        self._tell('testing the model')
        report = self._wait_for(self.supervised.self_test)
        if not report.passed:
            raise FlowEneDetError(f'self-test {report}')

    def release(self) -> None:
        """Free the model."""
        self.model = None
        self._wait_for(self.supervised.reset)

    # While frames come.

    def start(self, cameras: int) -> None:
        """Warm up, then begin to take the frames of so many cameras, in batches where it can."""
        assert self.model is not None
        batch = cameras if self.model.backend.batches else 1
        runs = self._node.get_parameter('warm_up_runs').value
        self._tell('warming up')
        self._wait_for(lambda: self.supervised.warm_up(runs, batch))
        self._worker.activate(batch)

    def stop(self) -> None:
        """Take no more frames; the one in work is finished."""
        self._worker.deactivate()

    def drain(self, patience: float) -> None:
        """Wait for the frame in work, unless the worker has had it for `patience` seconds."""
        # The worker does its jobs in turn.
        if self._worker.busy_seconds() < patience:
            self._wait_for(lambda: None)

    def submit(self, job: Callable[[], T]) -> 'Future[T]':
        """Queue a job on the worker's thread."""
        return self._worker.submit(job)

    def start_self_test(self) -> 'Future[SelfTestReport]':
        """Queue a comparison of the model with its stored answers."""
        return self._worker.submit(self.supervised.self_test)

    def set_thresholds(self, thresholds: Thresholds) -> None:
        """Use these thresholds from the next frame on."""
        self.supervised.set_thresholds(thresholds)

    def busy_seconds(self) -> float:
        """Tell for how long the current frames have been in work; 0 when there are none."""
        return self._worker.busy_seconds()

    def close(self) -> bool:
        """End the thread; False where it is stuck in the backend."""
        self._worker.deactivate()
        return self._worker.stop(STOP_TIMEOUT_S)

    def _load(self) -> Model:
        def value(name: str) -> Any:
            return self._node.get_parameter(name).value

        options = parameters.runtime_options(self._node, self._tell_progress)
        self.model = load_bundle(value('model'), value('backend'), value('precision'), options)
        return self.model

    def _tell_progress(self, what: str, done: float) -> None:
        self._tell(f'{what}: {100 * done:.0f} %')

    def _wait_for(self, job: Callable[[], T]) -> T:
        future: Future[T] = self._worker.submit(job)
        # Wait in short turns: Ctrl-C must end the node also while an engine is being built.
        while not wait([future], timeout=0.1).done:
            if not self._node.context.ok():
                raise InterruptedTransition
        return future.result()
