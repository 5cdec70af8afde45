"""The lifecycle node: camera images in, segmentation, IDM and OOD masks out."""

from typing import Any

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter

from flowenedet_ros.node import parameters
from flowenedet_ros.node.diagnostics import Heartbeat, Item
from flowenedet_ros.node.frame_slot import Frame, FrameSlots
from flowenedet_ros.node.health import Limits, inference_item
from flowenedet_ros.node.model_worker import ModelWorker
from flowenedet_ros.node.parameter_specs import LIVE
from flowenedet_ros.node.perception_line import PerceptionLine
from flowenedet_ros.node.process_info import seconds_since_start
from flowenedet_ros.node.self_test_service import SelfTestService
from flowenedet_ros.node.transitions import transition


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
        self._line: PerceptionLine | None = None
        self._parameter_faults: list[str] = []
        self._startup_s: float | None = None
        self._slots = FrameSlots(len(parameters.camera_names(self)))
        self._worker = ModelWorker(self, self._slots, self._process, self._tell)
        self._heartbeat = Heartbeat(self, self._report, self._value('model'))
        SelfTestService(self, self._worker.start_self_test, self._value('model'))

    # Lifecycle.

    def start(self) -> bool:
        """Configure and activate; tell whether both succeeded."""
        done = TransitionCallbackReturn.SUCCESS
        return bool(self.trigger_configure() == done and self.trigger_activate() == done)

    @transition
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the model, compare it with its stored answers, and offer the topics."""
        self._tell(f'loading model {self._value("model")}')
        model = self._worker.open()
        try:
            if self._value('self_test'):
                self._worker.require_self_test()
            self._line = PerceptionLine(self, model, self._worker, self._slots, self._limits)
            self._line.open(model)
        except Exception:
            self._release()
            raise
        self._warn_of_parameters()
        self.get_logger().info(
            f'model {model.manifest.name} on {model.backend.name} {model.backend.precision}: '
            f'{model.reason}'
        )
        self._tell('inactive')
        return super().on_configure(state)

    @transition
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Warm up and begin to take frames."""
        assert self._line is not None
        cameras = self._line.cameras
        self._worker.start(len(cameras.cameras))
        result = super().on_activate(state)
        cameras.start(self._heartbeat.beat)
        self._startup_s = self._startup_s or seconds_since_start()
        self._tell('active')
        self._heartbeat.beat()
        topics = ', '.join(cameras.topics)
        self.get_logger().info(f'active after {self._startup_s:.1f} s, waiting for {topics}')
        return result

    @transition
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Take no more frames; the one in work is still published."""
        self._stop_input()
        self._tell('inactive')
        self._heartbeat.beat()
        return super().on_deactivate(state)

    @transition
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the model and take the topics off the graph."""
        self._release()
        self._tell('unconfigured')
        return TransitionCallbackReturn.SUCCESS

    @transition
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and free everything."""
        self._stop_input()
        self._release()
        self._tell('shut down')
        return TransitionCallbackReturn.SUCCESS

    @transition
    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free what a failed transition left, so that the node can be configured again."""
        self._stop_input()
        self._release()
        return TransitionCallbackReturn.SUCCESS

    def close(self) -> bool:
        """End the threads; False where the worker is stuck in the backend."""
        stopped = self._worker.close()
        self._heartbeat.stop()
        return stopped

    def _stop_input(self) -> None:
        self._worker.stop()
        if self._line is not None:
            self._line.cameras.stop()
        self._worker.drain(self._limits.hang)

    def _release(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.destroy()
        self._worker.release()

    # What the worker, the parameters and the report ask for.

    def _process(self, batch: list[tuple[int, Frame]]) -> None:
        assert self._line is not None
        self._line.process(batch)

    def _tell(self, activity: str) -> None:
        self.activity = activity

    def _value(self, name: str) -> Any:
        return self.get_parameter(name).value

    def _check_change(self, changed: list[Parameter]) -> Any:
        model = self._worker.model
        return parameters.refuse_faults(changed, model.manifest if model else None)

    def _apply_change(self, changed: list[Parameter]) -> None:
        if self._line is not None and any(parameter.name in LIVE for parameter in changed):
            self._line.announce()

    def _warn_of_parameters(self) -> None:
        unknown = [f'unknown parameter {name}' for name in parameters.unknown_parameters(self)]
        fault = parameters.cache_fault(self)
        self._parameter_faults = [*unknown, fault] if fault else unknown
        for text in self._parameter_faults:
            self.get_logger().warning(text)

    def _report(self) -> list[Item]:
        """Tell how the node is; runs on the heartbeat's thread."""
        line, busy = self._line, self._worker.busy_seconds()
        items = line.report() if line is not None else []
        if line is not None and busy > self._limits.hang:
            line.mark_hang()
        item = inference_item(
            self._worker.supervised, self._worker.model, self.activity, busy, self._limits
        )
        if self._startup_s is not None:
            item.values['startup_s'] = self._startup_s
        item.warnings += self._parameter_faults
        return [*items, item]
