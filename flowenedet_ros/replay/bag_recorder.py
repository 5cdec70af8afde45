"""Recording live topics, still serialized, into a bag."""

from collections.abc import Callable
from typing import Any

from rclpy.event_handler import QoSSubscriptionMatchedInfo, SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from flowenedet_ros.replay.bag_writer import BagWriter
from flowenedet_ros.replay.live import message_class

QUEUE_DEPTH = 100


def record_topic(
    node: Node,
    writer: BagWriter,
    topic: str,
    msgtype: str,
    latched: bool = False,
    on_publishers: Callable[[int], None] | None = None,
) -> None:
    """Write what is published on a topic from now on, under the time it arrives.

    :param node: a node that is being spun.
    :param latched: also ask for what was published before.
    :param on_publishers: called with the number of publishers heard whenever it changes; what
        they send before that is not recorded.
    """
    durability = DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE
    qos = QoSProfile(
        depth=QUEUE_DEPTH, reliability=ReliabilityPolicy.RELIABLE, durability=durability
    )
    node.create_subscription(
        message_class(msgtype),
        topic,
        _writing(writer, topic, msgtype),
        qos,
        event_callbacks=_events(on_publishers),
        raw=True,
    )


def _writing(writer: BagWriter, topic: str, msgtype: str) -> Callable[[Any], None]:
    def write(cdr: bytes) -> None:
        writer.write_now(topic, msgtype, cdr)

    return write


def _events(on_publishers: Callable[[int], None] | None) -> SubscriptionEventCallbacks | None:
    if on_publishers is None:
        return None

    def matched(info: QoSSubscriptionMatchedInfo) -> None:
        on_publishers(info.current_count)

    return SubscriptionEventCallbacks(matched=matched)
