"""A frame's way through the worker: age gate, conversion, model, publication."""

import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rclpy.clock import Clock
from std_msgs.msg import Header

from flowenedet_ros.inference import FlowEneDetError, Perception
from flowenedet_ros.inference.manifest import Manifest
from flowenedet_ros.node.camera import Camera
from flowenedet_ros.node.drift_report import watch
from flowenedet_ros.node.frame_slot import Frame
from flowenedet_ros.node.image_conversion import ConversionError, to_bgr
from flowenedet_ros.node.perception_edits import all_unknown, resized
from flowenedet_ros.node.supervised_model import SupervisedModel
from flowenedet_ros.node.timing import FrameTiming


class Pipeline:
    """
    Turn frames into messages; `process` runs on the worker thread.

    :param max_age: seconds above which a frame is not processed; 0 for no limit.
    :param input_size: publish masks at the camera's size instead of the network's.
    :param fail_safe: publish all-unknown masks for frames without a result.
    :param report: called with the fault of each frame that gave no result.
    """

    def __init__(
        self,
        model: SupervisedModel,
        manifest: Manifest,
        cameras: list[Camera],
        clock: Clock,
        max_age: float,
        input_size: bool,
        fail_safe: bool,
        report: Callable[[str], None],
    ) -> None:
        self._model = model
        self._cameras = cameras
        self._clock = clock
        self._max_age = max_age
        self._input_size = input_size
        self._fail_safe = fail_safe
        self._report = report
        self._swap_channels = manifest.input.channel_order == 'rgb'
        self._unknown = all_unknown(manifest)

    def process(self, batch: list[tuple[int, Frame]]) -> None:
        """Process one frame of each of some cameras; every frame is settled, none raises."""
        works = [Work(self._cameras[index], frame) for index, frame in batch]
        try:
            ready = [work for work in works if self._prepare(work)]
            if ready:
                self._run(ready)
        # Whatever is wrong with one frame, the next has to find a worker.
        except Exception:
            fault = traceback.format_exc()
            for work in works:
                # What failed may be the publication itself.
                with suppress(Exception):
                    self._give_up(work, 'rejected_failed', fault)

    def publish_unknown(self, camera: Camera, header: Header, size: tuple[int, int] | None) -> None:
        """
        Publish the fail-safe masks, unless `on_failure` says nothing is to be published.

        :param size: (height, width) of the camera's image; None where there was none yet.
        """
        camera.failing = True
        if self._fail_safe:
            size = size or self._unknown.labels.shape[:2]
            camera.outputs.publish(self._finished(camera, self._unknown, size), header, camera.info)

    def age(self, header: Header) -> float:
        """Give the seconds since the stamp by the node's clock; NaN where there is no stamp."""
        # By hand: rclpy's Time refuses negative stamps, which are but a broken camera's.
        stamp = header.stamp.sec * 10**9 + header.stamp.nanosec
        return (self._clock.now().nanoseconds - stamp) * 1e-9 if stamp else float('nan')

    def _prepare(self, work: 'Work') -> bool:
        camera, frame = work.camera, work.frame
        age = self.age(frame.message.header)
        if self._max_age > 0.0 and age > self._max_age:
            text = (
                f'a frame was {age:.3f} s old, max_image_age is {self._max_age:.3f} s; '
                'is the camera clock the node clock (use_sim_time for bags)?'
            )
            self._give_up(work, 'dropped_stale', text)
            return False
        try:
            work.image = to_bgr(frame.message)
        except ConversionError as error:
            work.settle('rejected_malformed')
            camera.note_refusal(frame.message.header, str(error))
            return False
        work.convert = work.lap()
        return True

    def _run(self, works: list['Work']) -> None:
        images = [
            np.ascontiguousarray(work.image[..., ::-1]) if self._swap_channels else work.image
            for work in works
        ]
        try:
            perceptions = self._model.run(images)
        except FlowEneDetError as error:
            for work in works:
                self._give_up(work, 'rejected_failed', str(error))
            return
        for work, perception in zip(works, perceptions, strict=True):
            if perception.nonfinite:
                text = f'{perception.nonfinite} pixels of the network output were not finite'
                self._give_up(work, 'rejected_failed', text)
            else:
                self._publish(work, perception)

    def _publish(self, work: 'Work', perception: Perception) -> None:
        camera, frame = work.camera, work.frame
        header = frame.message.header
        if self._model.report is not None and not self._model.report.passed:
            self._give_up(work, 'rejected_failed', f'self-test {self._model.report}')
            return
        work.lap()
        finished = self._finished(camera, perception, (frame.height, frame.width))
        camera.outputs.publish(finished, header, camera.info, work.image)
        stages = perception.stage_ms
        timing = FrameTiming(
            convert=work.convert,
            pre=stages.get('pre', 0.0),
            backend=stages.get('backend', 0.0),
            post=stages.get('post', 0.0),
            publish=work.lap(),
            total=(time.monotonic() - frame.received) * 1e3,
            age=self.age(header) * 1e3,
        )
        camera.timings.add(timing)
        camera.last_processing_ms = (time.monotonic() - work.started) * 1e3
        camera.outputs.publish_processing_time(camera.last_processing_ms)
        camera.last_shares = (
            cv2.countNonZero(finished.idm_mask) / finished.idm_mask.size,
            cv2.countNonZero(finished.ood_mask) / finished.ood_mask.size,
        )
        watch(camera, perception)
        camera.note_result()
        work.settle('processed')

    def _finished(
        self, camera: Camera, perception: Perception, size: tuple[int, int]
    ) -> Perception:
        if self._input_size:
            perception = resized(perception, size)
        return perception if camera.ego_mask is None else camera.ego_mask.apply(perception)

    def _give_up(self, work: 'Work', fate: str, text: str) -> None:
        if work.settled:
            return
        self._report(text)
        size = (work.frame.height, work.frame.width)
        try:
            self.publish_unknown(work.camera, work.frame.message.header, size)
        finally:
            work.settle(fate)


class Work:
    """One frame in the worker and the time it has taken there."""

    def __init__(self, camera: Camera, frame: Frame) -> None:
        self.camera = camera
        self.frame = frame
        self.image: NDArray[Any] = np.empty((0, 0, 3), np.uint8)
        self.convert = 0.0
        self.started = self._mark = time.monotonic()
        self.settled = False

    def settle(self, fate: str) -> None:
        """Count what became of the frame, once."""
        if not self.settled:
            self.settled = True
            self.camera.counters.settle(fate)

    def lap(self) -> float:
        """Give the milliseconds since the last lap."""
        now = time.monotonic()
        elapsed, self._mark = (now - self._mark) * 1e3, now
        return elapsed
