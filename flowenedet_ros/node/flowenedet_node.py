"""The lifecycle node: camera images in, segmentation, IDM and OOD masks out."""

from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from std_msgs.msg import Header

from flowenedet_ros.inference import FlowEneDetError, Model, load_bundle
from flowenedet_ros.node import parameters
from flowenedet_ros.node.announcements import Announcements
from flowenedet_ros.node.camera import Camera
from flowenedet_ros.node.camera_set import CameraSet
from flowenedet_ros.node.diagnostics import Heartbeat, Item
from flowenedet_ros.node.drift_report import drift_item, watch_for_drift
from flowenedet_ros.node.frame_slot import Frame, FrameSlots
from flowenedet_ros.node.health import Limits, inference_item
from flowenedet_ros.node.parameter_specs import LIVE
from flowenedet_ros.node.pipeline import Pipeline
from flowenedet_ros.node.process_info import seconds_since_start
from flowenedet_ros.node.self_test_service import SelfTestService
from flowenedet_ros.node.supervised_model import SupervisedModel
from flowenedet_ros.node.transitions import InterruptedTransition, transition
from flowenedet_ros.node.worker import Worker

T = TypeVar('T')
# A person reads the log; a fault that repeats at 30 Hz is one fault.
LOG_EVERY_S = 5.0
STOP_TIMEOUT_S = 0.8


class FlowEneDetNode(LifecycleNode):
    """
    Segment the newest frame of each camera and publish what the model makes of it.

    Image message -> slot -> worker thread -> model -> messages. The executor's thread only
    receives; the worker's thread converts, runs the model and publishes; the heartbeat's thread
    reports.

    :raises ParameterError: a parameter was given a value that the node cannot work with.
    """

    def __init__(self) -> None:
        super().__init__('flowenedet')
        parameters.declare(self)
        self.add_on_set_parameters_callback(self._check_change)
        self.add_post_set_parameters_callback(self._apply_change)
        self.activity = 'unconfigured'
        self._limits = Limits(
            self._value('input_timeout'),
            self._value('max_processing_time'),
            self._value('hang_timeout'),
        )
        self._model: Model | None = None
        self._supervised = SupervisedModel(self._load)
        self._announcements: Announcements | None = None
        self._pipeline: Pipeline | None = None
        self._cameras: CameraSet | None = None
        self._parameter_faults: list[str] = []
        self._startup_s: float | None = None
        self._slots = FrameSlots(len(parameters.camera_names(self)))
        self._worker = Worker(self._slots, self._process)
        self._heartbeat = Heartbeat(self, self._report, self._value('model'))
        SelfTestService(self, self._start_self_test, self._value('model'))

    # Lifecycle.

    def start(self) -> bool:
        """Configure and activate; tell whether both succeeded."""
        done = TransitionCallbackReturn.SUCCESS
        return bool(self.trigger_configure() == done and self.trigger_activate() == done)

    @transition
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the model, compare it with its stored answers, and offer the topics."""
        self.activity = f'loading model {self._value("model")}'
        model = self._on_worker(self._supervised.open)
        try:
            self._supervised.set_thresholds(parameters.thresholds(self, model.manifest))
            self._require_self_test()
            self._build_pipeline(model)
        except Exception:
            self._release()
            raise
        self._announcements = Announcements(self, model.manifest)
        self._announcements.publish(model.thresholds, self._value('operating_point'))
        self._warn_of_parameters()
        self.get_logger().info(
            f'model {model.manifest.name} on {model.backend.name} {model.backend.precision}: '
            f'{model.reason}'
        )
        self.activity = 'inactive'
        return super().on_configure(state)

    @transition
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Warm up and begin to take frames."""
        assert self._model is not None
        assert self._cameras is not None
        self.activity = 'warming up'
        batch = len(self._cameras.cameras) if self._model.backend.batches else 1
        runs = self._value('warm_up_runs')
        self._on_worker(lambda: self._supervised.warm_up(runs, batch))
        result = super().on_activate(state)
        self._cameras.start(self._heartbeat.beat)
        self._worker.activate(batch)
        self._startup_s = self._startup_s or seconds_since_start()
        self.activity = 'active'
        self._heartbeat.beat()
        topics = ', '.join(self._cameras.topics)
        self.get_logger().info(f'active after {self._startup_s:.1f} s, waiting for {topics}')
        return result

    @transition
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Take no more frames; the one in work is still published."""
        self._stop_input()
        self.activity = 'inactive'
        self._heartbeat.beat()
        return super().on_deactivate(state)

    @transition
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the model and take the topics off the graph."""
        self._release()
        self.activity = 'unconfigured'
        return TransitionCallbackReturn.SUCCESS

    @transition
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and free everything."""
        self._stop_input()
        self._release()
        self.activity = 'shut down'
        return TransitionCallbackReturn.SUCCESS

    @transition
    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free what a failed transition left, so that the node can be configured again."""
        self._stop_input()
        self._release()
        return TransitionCallbackReturn.SUCCESS

    def close(self) -> bool:
        """End the threads; False where the worker is stuck in the backend."""
        self._worker.deactivate()
        stopped = self._worker.stop(STOP_TIMEOUT_S)
        self._heartbeat.stop()
        return stopped

    # Frames.

    def _process(self, batch: list[tuple[int, Frame]]) -> None:
        assert self._pipeline is not None
        self._pipeline.process(batch)

    def _build_pipeline(self, model: Model) -> None:
        self._cameras = CameraSet(
            self, model.manifest, self._slots, self._limits, self._mark_refusal
        )
        watch_for_drift(self, model, self._cameras.cameras)
        self._pipeline = Pipeline(
            self._supervised,
            model.manifest,
            self._cameras.cameras,
            self.get_clock(),
            max_age=self._value('max_image_age'),
            input_size=self._value('output_size') == 'input',
            fail_safe=self._value('on_failure') == 'unknown',
            report=self._warn_of_failure,
        )

    def _stop_input(self) -> None:
        self._worker.deactivate()
        if self._cameras is not None:
            self._cameras.stop()
        # The worker does its jobs in turn, so this waits for the frame in work.
        if self._worker.busy_seconds() < self._limits.hang:
            self._on_worker(lambda: None)

    def _release(self) -> None:
        if self._cameras is not None:
            self._cameras.destroy()
        if self._announcements is not None:
            self._announcements.destroy()
        self._cameras = self._pipeline = self._announcements = self._model = None
        self._on_worker(self._supervised.reset)

    # Model and worker.

    def _load(self) -> Model:
        options = parameters.runtime_options(self, self._show_progress)
        self._model = load_bundle(
            self._value('model'), self._value('backend'), self._value('precision'), options
        )
        return self._model

    def _show_progress(self, what: str, done: float) -> None:
        self.activity = f'{what}: {100 * done:.0f} %'

    def _require_self_test(self) -> None:
        if self._value('self_test'):
            self.activity = 'testing the model'
            report = self._on_worker(self._supervised.self_test)
            if not report.passed:
                raise FlowEneDetError(f'self-test {report}')

    def _start_self_test(self) -> Future[Any]:
        return self._worker.submit(self._supervised.self_test)

    def _on_worker(self, job: Callable[[], T]) -> T:
        future: Future[T] = self._worker.submit(job)
        # Wait in short turns: Ctrl-C must end the node also while an engine is being built.
        while not wait([future], timeout=0.1).done:
            if not self.context.ok():
                raise InterruptedTransition
        return future.result()

    # Parameters.

    def _value(self, name: str) -> Any:
        return self.get_parameter(name).value

    def _check_change(self, changed: list[Parameter]) -> Any:
        return parameters.refuse_faults(changed, self._model.manifest if self._model else None)

    def _apply_change(self, changed: list[Parameter]) -> None:
        model, announcements = self._model, self._announcements
        if model is None or announcements is None:
            return
        if any(parameter.name in LIVE for parameter in changed):
            thresholds = parameters.thresholds(self, model.manifest)
            self._supervised.set_thresholds(thresholds)
            announcements.publish(thresholds, self._value('operating_point'))

    # Reports.

    def _report(self) -> list[Item]:
        """Tell how the node is; runs on the heartbeat's thread."""
        items, cameras = [], self._cameras
        for health in cameras.health if cameras is not None else []:
            was_silent = health.silent
            items.append(health.report())
            if health.silent and not was_silent:
                self._mark_outage(health.camera)
            items.append(drift_item(health.camera, self._value('drift_tolerance')))
        busy = self._worker.busy_seconds()
        if busy > self._limits.hang:
            self._mark_hang()
        item = inference_item(self._supervised, self._model, self.activity, busy, self._limits)
        if self._startup_s is not None:
            item.values['startup_s'] = self._startup_s
        item.warnings += self._parameter_faults
        return [*items, item]

    def _mark_outage(self, camera: Camera) -> None:
        pipeline, last = self._pipeline, camera.last_frame
        if pipeline is not None and last is not None:
            self._worker.submit(lambda: pipeline.publish_unknown(camera, *last))

    def _mark_hang(self) -> None:
        # The worker cannot publish now, so this thread does.
        cameras, pipeline = self._cameras, self._pipeline
        for camera in cameras.cameras if cameras is not None else []:
            frame = self._slots.newest(camera.index)
            if pipeline is not None and frame is not None:
                size = (frame.height, frame.width)
                pipeline.publish_unknown(camera, frame.message.header, size)

    def _mark_refusal(self, camera: Camera, header: Header, fault: str) -> None:
        self.get_logger().warning(f'image refused: {fault}', throttle_duration_sec=LOG_EVERY_S)
        # A sender of nonsense may be fast: only its newest waits to be marked.
        camera.refused.append(header)
        if not camera.refusal_queued:
            camera.refusal_queued = True
            self._worker.submit(lambda: self._publish_refused(camera))

    def _publish_refused(self, camera: Camera) -> None:
        # In this order: a message refused from now on is queued anew.
        camera.refusal_queued = False
        if self._pipeline is not None and camera.refused:
            size = camera.last_frame[1] if camera.last_frame is not None else None
            self._pipeline.publish_unknown(camera, camera.refused.pop(), size)

    def _warn_of_failure(self, fault: str) -> None:
        # After Ctrl-C the frame in work cannot be published any more; that is no fault.
        if self.context.ok():
            self.get_logger().error(f'no result: {fault}', throttle_duration_sec=LOG_EVERY_S)

    def _warn_of_parameters(self) -> None:
        unknown = [f'unknown parameter {name}' for name in parameters.unknown_parameters(self)]
        fault = parameters.cache_fault(self)
        self._parameter_faults = [*unknown, fault] if fault else unknown
        for text in self._parameter_faults:
            self.get_logger().warning(text)
