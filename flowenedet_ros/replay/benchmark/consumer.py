"""What listens to the node while it is measured: the outputs that every robot uses."""

import threading
import time
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

from flowenedet_ros.replay import topics
from flowenedet_ros.replay.bag_reader import IMAGE
from flowenedet_ros.replay.live import message_class
from flowenedet_ros.replay.messages import header_stamp_ns

FLOAT = 'std_msgs/msg/Float64'
HEARD = (
    topics.SEGMENTATION,
    topics.IDM_MASK,
    topics.OOD_MASK,
    topics.IDM_SCORE,
    topics.OOD_SCORE,
)


class Consumer:
    """Take label maps, masks and scores; note when each label map came and what frames took.

    :param node: a node that is being spun.
    :param name: of the node listened to.
    """

    def __init__(self, node: Node, name: str) -> None:
        self._changed = threading.Condition()
        self._ages_ms: list[float] = []
        self._processing_ms: list[float] = []
        qos = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
        for output in HEARD:
            node.create_subscription(
                message_class(IMAGE),
                topics.topic(name, output),
                self._note if output == topics.SEGMENTATION else _ignore,
                qos,
                raw=True,
            )
        timed = topics.topic(name, topics.PROCESSING_TIME)
        node.create_subscription(message_class(FLOAT), timed, self._note_time, qos)

    @property
    def ages_ms(self) -> list[float]:
        """Milliseconds from the stamp of each label map to its arrival here."""
        with self._changed:
            return list(self._ages_ms)

    @property
    def processing_ms(self) -> list[float]:
        """Milliseconds that the worker had each frame, as the node publishes them."""
        with self._changed:
            return list(self._processing_ms)

    def wait_for_more(self, than: int, timeout_s: float) -> bool:
        """Wait until more than so many label maps have come; say whether they did."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._ages_ms) > than, timeout_s)

    # Raw subscriptions give bytes; rclpy annotates callbacks with the message's class.
    def _note(self, cdr: Any) -> None:
        age_ms = (time.time_ns() - header_stamp_ns(cdr)) * 1e-6
        with self._changed:
            self._ages_ms.append(age_ms)
            self._changed.notify_all()

    def _note_time(self, message: Any) -> None:
        with self._changed:
            self._processing_ms.append(message.data)


def _ignore(_: Any) -> None:
    pass
