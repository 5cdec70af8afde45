"""What stands from configuration to cleanup: cameras, the way of their frames, announcements."""

from typing import Any

from rclpy.lifecycle import LifecycleNode
from std_msgs.msg import Header

from flowenedet_ros.inference import Model
from flowenedet_ros.node import parameters
from flowenedet_ros.node.announcements import Announcements
from flowenedet_ros.node.camera import Camera
from flowenedet_ros.node.camera_set import CameraSet
from flowenedet_ros.node.diagnostics import Item
from flowenedet_ros.node.drift_report import drift_item, watch_for_drift
from flowenedet_ros.node.frame_slot import Frame, FrameSlots
from flowenedet_ros.node.health import Limits
from flowenedet_ros.node.model_worker import ModelWorker
from flowenedet_ros.node.pipeline import Pipeline

# A person reads the log; a fault that repeats at 30 Hz is one fault.
LOG_EVERY_S = 5.0


class PerceptionLine:
    """
    Offer the topics of all cameras, and mark as unknown what gets no result.

    :raises ParameterError: an ego mask is missing or no picture.
    """

    def __init__(
        self,
        node: LifecycleNode,
        model: Model,
        worker: ModelWorker,
        slots: FrameSlots,
        limits: Limits,
    ) -> None:
        self._node = node
        self._manifest = model.manifest
        self._worker = worker
        self._slots = slots
        self.cameras = CameraSet(node, model.manifest, slots, limits, self._mark_refusal)
        self._pipeline = Pipeline(
            worker.supervised,
            model.manifest,
            self.cameras.cameras,
            node.get_clock(),
            max_age=self._value('max_image_age'),
            input_size=self._value('output_size') == 'input',
            fail_safe=self._value('on_failure') == 'unknown',
            report=self._warn_of_failure,
        )
        self._announcements = Announcements(node, model.manifest)

    def open(self, model: Model) -> None:
        """
        Begin to watch for drift, and announce the thresholds.

        Apart from the constructor: where it fails, `destroy` has topics to take off the graph.

        :param model: that of the constructor; kept, it could not be freed and built again.
        :raises BundleError: the model's drift reference cannot be read.
        :raises ParameterError: the model has no such operating point.
        """
        watch_for_drift(self._node, model, self.cameras.cameras)
        self.announce()

    def announce(self) -> None:
        """Set the thresholds that the parameters ask for, and publish what they are."""
        thresholds = parameters.thresholds(self._node, self._manifest)
        self._worker.set_thresholds(thresholds)
        self._announcements.publish(thresholds, self._value('operating_point'))

    def process(self, batch: list[tuple[int, Frame]]) -> None:
        """Turn frames into messages; runs on the worker's thread."""
        self._pipeline.process(batch)

    def destroy(self) -> None:
        """Take the topics off the graph."""
        self.cameras.destroy()
        self._announcements.destroy()

    def report(self) -> list[Item]:
        """Tell how each camera is, and mark what has just fallen silent."""
        items = []
        for health in self.cameras.health:
            was_silent = health.silent
            items.append(health.report())
            if health.silent and not was_silent:
                self._mark_outage(health.camera)
            items.append(drift_item(health.camera, self._value('drift_tolerance')))
        return items

    def mark_hang(self) -> None:
        """Mark the frames that wait as unknown, now that the worker cannot."""
        for camera in self.cameras.cameras:
            frame = self._slots.newest(camera.index)
            if frame is not None:
                size = (frame.height, frame.width)
                self._pipeline.publish_unknown(camera, frame.message.header, size)

    def _mark_outage(self, camera: Camera) -> None:
        last = camera.last_frame
        if last is not None:
            self._worker.submit(lambda: self._pipeline.publish_unknown(camera, *last))

    def _mark_refusal(self, camera: Camera, header: Header, fault: str) -> None:
        self._node.get_logger().warning(
            f'image refused: {fault}', throttle_duration_sec=LOG_EVERY_S
        )
        # A sender of nonsense may be fast: only its newest waits to be marked.
        camera.refused.append(header)
        if not camera.refusal_queued:
            camera.refusal_queued = True
            self._worker.submit(lambda: self._publish_refused(camera))

    def _publish_refused(self, camera: Camera) -> None:
        # In this order: a message refused from now on is queued anew.
        camera.refusal_queued = False
        if camera.refused:
            size = camera.last_frame[1] if camera.last_frame is not None else None
            self._pipeline.publish_unknown(camera, camera.refused.pop(), size)

    def _warn_of_failure(self, fault: str) -> None:
        # After Ctrl-C the frame in work cannot be published any more; that is no fault.
        if self._node.context.ok():
            self._node.get_logger().error(f'no result: {fault}', throttle_duration_sec=LOG_EVERY_S)

    def _value(self, name: str) -> Any:
        return self._node.get_parameter(name).value
