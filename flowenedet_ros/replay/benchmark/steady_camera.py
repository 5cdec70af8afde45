"""A camera that sends pictures at a steady rate, stamped as it sends them."""

import threading
import time

from rclpy.event_handler import PublisherEventCallbacks, QoSPublisherMatchedInfo
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

from flowenedet_ros.inference.benchmark.worker import street
from flowenedet_ros.replay.bag_reader import IMAGE
from flowenedet_ros.replay.live import message_class
from flowenedet_ros.replay.messages import MessageBuilder, Stamp, with_header_stamp

PICTURES = 4


class SteadyCamera:
    """Publish a few pictures over and over.

    :param node: a node that is being spun.
    :param size: (height, width) of the pictures, bgr8.
    """

    def __init__(self, node: Node, topic: str, size: tuple[int, int]) -> None:
        build = MessageBuilder()
        stamp = Stamp(0, 0, 'camera')
        self._pictures = [
            build.image(street(*size, seed), 'bgr8', stamp) for seed in range(PICTURES)
        ]
        self._matched = threading.Event()
        self._publisher = node.create_publisher(
            message_class(IMAGE),
            topic,
            QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE),
            event_callbacks=PublisherEventCallbacks(matched=self._on_matched),
        )
        self.sent = 0

    def wait_for_subscriber(self, timeout_s: float) -> bool:
        """Wait for DDS to report a subscriber; say whether one came."""
        return self._matched.wait(timeout_s)

    def send(self) -> None:
        """Send the next picture."""
        picture = self._pictures[self.sent % PICTURES]
        self._publisher.publish(with_header_stamp(picture, time.time_ns()))
        self.sent += 1

    def play(self, rate: float, frames: int) -> None:
        """Send pictures at a steady rate and wait one period after the last."""
        begin = time.monotonic()
        for index in range(frames):
            self.send()
            time.sleep(max(0.0, begin + (index + 1) / rate - time.monotonic()))

    def _on_matched(self, info: QoSPublisherMatchedInfo) -> None:
        if info.current_count > 0:
            self._matched.set()
