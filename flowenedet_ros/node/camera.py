"""One camera of the node: what came in, what became of it, and where its results go."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from flowenedet_ros.inference.drift import DriftMonitor
from flowenedet_ros.node.counters import FrameCounters, LossCounter
from flowenedet_ros.node.frame_slot import Frame, FrameSlots
from flowenedet_ros.node.image_conversion import ConversionError, check_message
from flowenedet_ros.node.outputs import Outputs
from flowenedet_ros.node.perception_edits import EgoMask
from flowenedet_ros.node.qos import camera_qos, overridable
from flowenedet_ros.node.timing import TimingWindow


@dataclass
class Camera:
    """
    State of one camera.

    :param name: empty for the only camera of a node.
    :param on_refusal: called with the camera, the header and the fault of a malformed message.
    """

    index: int
    name: str
    outputs: Outputs
    ego_mask: EgoMask | None
    on_refusal: Callable[['Camera', Header, str], None]
    counters: FrameCounters = field(default_factory=FrameCounters)
    loss: LossCounter = field(default_factory=lambda: LossCounter(time.time_ns()))
    timings: TimingWindow = field(default_factory=TimingWindow)
    active: bool = False
    info: CameraInfo | None = None
    last_good: float = field(default_factory=time.monotonic)
    last_frame: tuple[Header, tuple[int, int]] | None = None
    last_refusal: str | None = None
    refused: deque[Header] = field(default_factory=lambda: deque(maxlen=1))
    refusal_queued: bool = False
    failing: bool = False
    recoveries: int = 0
    last_processing_ms: float = 0.0
    last_shares: tuple[float, float] | None = None
    drift: DriftMonitor | None = None

    def note_refusal(self, header: Header, fault: str) -> None:
        """Report a malformed message."""
        self.last_refusal = fault
        self.on_refusal(self, header, fault)

    def note_result(self) -> None:
        """Count the first result after an outage or frames without one."""
        self.recoveries += self.failing
        self.failing = False


def topic_prefix(camera: str) -> str:
    """Give the beginning of the topics of the camera of that name."""
    return f'~/{camera}' if camera else '~'


class CameraInput:
    """
    Subscribe to a camera and leave its newest good frame in the slot.

    :param on_change: called when a publisher comes or goes.
    """

    def __init__(
        self,
        node: LifecycleNode,
        camera: Camera,
        slots: FrameSlots,
        transport: str,
        max_pixels: int,
        on_change: Callable[[], None],
    ) -> None:
        self._node = node
        self._camera = camera
        self._slots = slots
        self._max_pixels = max_pixels
        self._on_change = on_change
        camera.last_good = time.monotonic()
        camera.active = True
        prefix = topic_prefix(camera.name)
        # rclpy looks at the signature; its annotation knows only callbacks without message info.
        on_image: Any = self._on_image
        self._subscriptions = [
            node.create_subscription(
                CompressedImage if transport == 'compressed' else Image,
                f'{prefix}/input/image',
                on_image,
                camera_qos(),
                event_callbacks=SubscriptionEventCallbacks(
                    matched=self._on_matched, message_lost=self._on_lost
                ),
                qos_overriding_options=overridable(),
            ),
            node.create_subscription(
                CameraInfo,
                f'{prefix}/input/camera_info',
                self._on_info,
                camera_qos(),
                qos_overriding_options=overridable(),
            ),
        ]

    def destroy(self) -> None:
        """Receive nothing more."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions.clear()
        self._camera.active = False

    def _on_image(self, message: Any, message_info: dict[str, Any]) -> None:
        camera = self._camera
        camera.counters.receive()
        camera.loss.on_frame(
            message_info.get('publication_sequence_number'),
            message_info.get('source_timestamp', 0),
        )
        try:
            height, width = check_message(message, self._max_pixels)
        except ConversionError as error:
            camera.counters.settle('rejected_malformed')
            camera.note_refusal(message.header, str(error))
            return
        frame = Frame(message, height, width, time.monotonic())
        camera.last_good = frame.received
        camera.last_frame = message.header, (height, width)
        if self._slots.put(camera.index, frame):
            camera.counters.settle('dropped_superseded')

    def _on_info(self, message: CameraInfo) -> None:
        self._camera.info = message

    def _on_matched(self, status: Any) -> None:
        self._camera.loss.on_publishers(status.current_count, status.current_count_change)
        self._on_change()

    def _on_lost(self, status: Any) -> None:
        self._camera.loss.on_lost_event(status.total_count_change)
