"""Latched topics that say what the ids and scores mean."""

from typing import Any

from rclpy.node import Node
from std_msgs.msg import Header, String

from flowenedet_ros.inference import Thresholds
from flowenedet_ros.inference.manifest import Manifest
from flowenedet_ros.node import label_map, vision
from flowenedet_ros.node.qos import latched_qos, quiet


class Announcements:
    """Publish `~/label_map`, and vision_msgs' `~/label_info` and `~/vision_info` where it is."""

    def __init__(self, node: Node, manifest: Manifest) -> None:
        self._node = node
        self._manifest = manifest
        self._label_map = node.create_publisher(
            String, '~/label_map', latched_qos(), event_callbacks=quiet()
        )
        self._publishers: list[Any] = [self._label_map]
        if vision.messages is not None:
            self._label_info = node.create_publisher(
                vision.messages.LabelInfo, '~/label_info', latched_qos(), event_callbacks=quiet()
            )
            self._vision_info = node.create_publisher(
                vision.messages.VisionInfo, '~/vision_info', latched_qos(), event_callbacks=quiet()
            )
            self._publishers += [self._label_info, self._vision_info]

    def publish(self, thresholds: Thresholds, operating_point: str) -> None:
        """Publish anew, now that the thresholds are these."""
        self._label_map.publish(label_map.label_map(self._manifest, thresholds, operating_point))
        if vision.messages is not None:
            header = Header(stamp=self._node.get_clock().now().to_msg())
            self._label_info.publish(label_map.label_info(self._manifest, thresholds, header))
            self._vision_info.publish(label_map.vision_info(self._manifest, header))

    def destroy(self) -> None:
        """Take the topics off the graph."""
        for publisher in self._publishers:
            self._node.destroy_publisher(publisher)
        self._publishers.clear()
