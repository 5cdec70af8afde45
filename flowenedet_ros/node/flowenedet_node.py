"""The lifecycle node: camera images in, segmentation, IDM and OOD masks out."""

import functools
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any, TypeVar

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter

from flowenedet_ros.inference import FlowEneDetError, Model, Thresholds, load_bundle
from flowenedet_ros.node import parameters
from flowenedet_ros.node.announcements import Announcements
from flowenedet_ros.node.camera import Camera, CameraInput, topic_prefix
from flowenedet_ros.node.diagnostics import Heartbeat, Item
from flowenedet_ros.node.frame_slot import Frame, FrameSlots
from flowenedet_ros.node.health import Limits, Seen, frames_item, inference_item
from flowenedet_ros.node.outputs import Outputs
from flowenedet_ros.node.parameters import ParameterError
from flowenedet_ros.node.perception_edits import EgoMask
from flowenedet_ros.node.pipeline import Pipeline
from flowenedet_ros.node.process_info import seconds_since_start
from flowenedet_ros.node.self_test_service import SelfTestService
from flowenedet_ros.node.supervised_model import SupervisedModel
from flowenedet_ros.node.worker import Worker

T = TypeVar('T')
Transition = Callable[['FlowEneDetNode', LifecycleState], TransitionCallbackReturn]
# A person reads the log; a fault that repeats at 30 Hz is one fault.
LOG_EVERY_S = 5.0
STOP_TIMEOUT_S = 1.0


class Interrupted(RuntimeError):
    """The process is to end while a transition waits for the worker."""


def transition(callback: Transition) -> Transition:
    """Turn what a transition raises into a log entry and a return code; rclpy would swallow it."""

    @functools.wraps(callback)
    def guarded(self: 'FlowEneDetNode', state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return callback(self, state)
        except Interrupted:
            return TransitionCallbackReturn.FAILURE
        except (FlowEneDetError, ParameterError) as error:
            self.get_logger().error(str(error))
            self._activity = f'failed: {error}'
            return TransitionCallbackReturn.FAILURE
        except Exception as error:
            self.get_logger().error(traceback.format_exc())
            self._activity = f'failed: {error}'
            return TransitionCallbackReturn.ERROR

    return guarded


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
        self._camera_names: list[str] = parameters.camera_names(self)
        self._model: Model | None = None
        self._supervised = SupervisedModel(self._load)
        self._pipeline: Pipeline | None = None
        self._announcements: Announcements | None = None
        self._cameras: list[Camera] = []
        self._inputs: list[CameraInput] = []
        self._slots = FrameSlots(len(self._camera_names))
        self._worker = Worker(self._slots, self._process)
        self._limits = Limits(
            self._value('input_timeout'),
            self._value('max_processing_time'),
            self._value('hang_timeout'),
        )
        self._activity = 'unconfigured'
        self._startup_s: float | None = None
        self._unknown_parameters: list[str] = []
        self._seen = [Seen() for _ in self._camera_names]
        self._out = [False] * len(self._camera_names)
        self._heartbeat = Heartbeat(self, self._report, self._value('model'))
        SelfTestService(
            self, lambda: self._worker.submit(self._supervised.self_test), self._value('model')
        )

    # Lifecycle.

    def start(self) -> bool:
        """Configure and activate; tell whether both succeeded."""
        done = TransitionCallbackReturn.SUCCESS
        return self.trigger_configure() == done and self.trigger_activate() == done

    @transition
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the model, compare it with its stored answers, and offer the topics."""
        self._activity = f'loading model {self._value("model")}'
        model = self._model = self._on_worker(self._supervised.open)
        self._set_thresholds(self._thresholds())
        if self._value('self_test'):
            self._activity = 'testing the model'
            report = self._on_worker(self._supervised.self_test)
            if not report.passed:
                self._release()
                raise FlowEneDetError(f'self-test {report}')
        self._create_cameras(model)
        self._announcements = Announcements(self, model.manifest)
        self._announce()
        self._report_unknown_parameters()
        self.get_logger().info(
            f'model {model.manifest.name} on {model.backend.name} {model.backend.precision}: '
            f'{model.reason}'
        )
        self._activity = 'inactive'
        return super().on_configure(state)

    @transition
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Warm up and begin to take frames."""
        self._activity = 'warming up'
        assert self._model is not None
        batch = len(self._cameras) if self._model.backend.batches else 1
        runs = self._value('warm_up_runs')
        self._on_worker(lambda: self._supervised.warm_up(runs, batch))
        result = super().on_activate(state)
        self._inputs = [
            CameraInput(
                self,
                camera,
                self._slots,
                self._value('input_transport'),
                self._value('max_image_pixels'),
            )
            for camera in self._cameras
        ]
        self._worker.activate(batch)
        if self._startup_s is None:
            self._startup_s = seconds_since_start()
        self._activity = 'active'
        self._heartbeat.beat()
        topics = ', '.join(camera_input.topic for camera_input in self._inputs)
        self.get_logger().info(f'active after {self._startup_s:.1f} s, waiting for {topics}')
        return result

    @transition
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Take no more frames; the one in work is still published."""
        self._stop_input()
        self._activity = 'inactive'
        self._heartbeat.beat()
        return super().on_deactivate(state)

    @transition
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the model and take the topics off the graph."""
        self._release()
        self._activity = 'unconfigured'
        return TransitionCallbackReturn.SUCCESS

    @transition
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and free everything."""
        self._stop_input()
        self._release()
        self._activity = 'shut down'
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

    def _create_cameras(self, model: Model) -> None:
        min_area = self._value('blob_min_area')
        masks = parameters.ego_masks(self, len(self._camera_names))
        self._cameras = [
            Camera(
                index,
                name,
                Outputs(self, topic_prefix(name), model.manifest, min_area),
                EgoMask(Path(mask)) if mask else None,
                self._warn_of_refusal,
            )
            for index, (name, mask) in enumerate(zip(self._camera_names, masks, strict=True))
        ]
        self._pipeline = Pipeline(
            self._supervised,
            model.manifest,
            self._cameras,
            self.get_clock(),
            max_age=self._value('max_image_age'),
            input_size=self._value('output_size') == 'input',
            fail_safe=self._value('on_failure') == 'unknown',
            report=self._warn_of_failure,
        )

    def _stop_input(self) -> None:
        for camera_input in self._inputs:
            camera_input.destroy()
        self._inputs = []
        self._worker.deactivate()
        for index, _ in self._slots.take(len(self._cameras)):
            self._cameras[index].counters.settle('dropped_inactive')
        # The worker does its jobs in turn, so this waits for the frame in work.
        if self._worker.busy_seconds() < self._limits.hang:
            self._on_worker(lambda: None)

    def _release(self) -> None:
        for camera in self._cameras:
            camera.outputs.destroy()
        self._cameras = []
        self._pipeline = None
        if self._announcements is not None:
            self._announcements.destroy()
        self._announcements = None
        self._model = None
        self._on_worker(self._supervised.close)

    # Parameters.

    def _value(self, name: str) -> Any:
        return self.get_parameter(name).value

    def _load(self) -> Model:
        model = load_bundle(self._value('model'), self._value('backend'), self._value('precision'))
        self._model = model
        return model

    def _check_change(self, changed: list[Parameter]) -> Any:
        points = self._model.manifest.calibration.operating_points if self._model else None
        return parameters.refuse_faults(changed, points)

    def _apply_change(self, changed: list[Parameter]) -> None:
        live = {'operating_point', 'idm_threshold', 'ood_threshold'}
        if self._model is not None and live & {parameter.name for parameter in changed}:
            self._set_thresholds(self._thresholds())
            self._announce()

    def _thresholds(self) -> Thresholds:
        assert self._model is not None
        return parameters.thresholds(self, self._model.manifest.calibration.operating_points)

    def _set_thresholds(self, thresholds: Thresholds) -> None:
        self._supervised.set_thresholds(thresholds)

    def _announce(self) -> None:
        if self._announcements is not None:
            self._announcements.publish(self._thresholds(), self._value('operating_point'))

    # Reports.

    def _report(self) -> list[Item]:
        items = []
        for camera, camera_input, seen in zip(
            self._cameras, self._inputs or [None] * len(self._cameras), self._seen, strict=True
        ):
            topic = camera_input.topic if camera_input else None
            publishers = self.count_publishers(topic) if topic else 0
            items.append(frames_item(camera, topic, publishers, seen, self._limits))
            self._watch_input(camera, active=camera_input is not None)
        busy = self._worker.busy_seconds()
        model = inference_item(self._supervised, self._model, self._activity, busy, self._limits)
        if self._startup_s is not None:
            model.values['startup_s'] = self._startup_s
        model.warnings += [f'unknown parameter {name}' for name in self._unknown_parameters]
        return [*items, model]

    def _watch_input(self, camera: Camera, active: bool) -> None:
        silent = time.monotonic() - camera.last_good
        out = active and 0.0 < self._limits.input_timeout < silent
        was_out, self._out[camera.index] = self._out[camera.index], out
        last, pipeline = camera.last_frame, self._pipeline
        if out and not was_out and last is not None and pipeline is not None:
            self._worker.submit(lambda: pipeline.publish_unknown(camera, *last))

    def _warn_of_refusal(self, fault: str) -> None:
        self.get_logger().warning(f'image refused: {fault}', throttle_duration_sec=LOG_EVERY_S)

    def _warn_of_failure(self, fault: str) -> None:
        self.get_logger().error(f'no result: {fault}', throttle_duration_sec=LOG_EVERY_S)

    def _report_unknown_parameters(self) -> None:
        self._unknown_parameters = parameters.unknown_parameters(self)
        for name in self._unknown_parameters:
            self.get_logger().warning(f'unknown parameter {name}')

    # The worker.

    def _on_worker(self, job: Callable[[], T]) -> T:
        future: Future[T] = self._worker.submit(job)
        # Wait in short turns: Ctrl-C must end the node also while an engine is being built.
        while not wait([future], timeout=0.1).done:
            if not self.context.ok():
                raise Interrupted
        return future.result()
