"""Recording live topics, still serialized, into a bag."""

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from flowenedet_ros.replay.bag_writer import BagWriter
from flowenedet_ros.replay.live import message_class

QUEUE_DEPTH = 100


def record_topic(
    node: Node, writer: BagWriter, topic: str, msgtype: str, latched: bool = False
) -> None:
    """Write what is published on a topic from now on, under the time it arrives.

    :param node: a node that is being spun.
    :param latched: also ask for what was published before.
    """
    durability = DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE
    qos = QoSProfile(
        depth=QUEUE_DEPTH, reliability=ReliabilityPolicy.RELIABLE, durability=durability
    )
    callback = _writing(writer, topic, msgtype)
    node.create_subscription(message_class(msgtype), topic, callback, qos, raw=True)


def _writing(writer: BagWriter, topic: str, msgtype: str) -> Callable[[Any], None]:
    def write(cdr: bytes) -> None:
        writer.write_now(topic, msgtype, cdr)

    return write
