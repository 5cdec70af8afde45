"""All cameras of the node, from the parameters to the topics."""

from collections.abc import Callable
from pathlib import Path

from rclpy.lifecycle import LifecycleNode
from std_msgs.msg import Header

from flowenedet_ros.inference.manifest import Manifest
from flowenedet_ros.node import parameters
from flowenedet_ros.node.camera import Camera, CameraInput, topic_prefix
from flowenedet_ros.node.frame_slot import FrameSlots
from flowenedet_ros.node.health import CameraHealth, Limits
from flowenedet_ros.node.outputs import Outputs
from flowenedet_ros.node.perception_edits import EgoMask


class CameraSet:
    """
    Offer each camera's topics, and subscribe to the images while started.

    :param on_refusal: called with the camera, the header and the fault of each malformed image.
    :raises ParameterError: an ego mask is missing or no picture.
    """

    def __init__(
        self,
        node: LifecycleNode,
        manifest: Manifest,
        slots: FrameSlots,
        limits: Limits,
        on_refusal: Callable[[Camera, Header, str], None],
    ) -> None:
        self._node = node
        self._slots = slots
        self._inputs: list[CameraInput] = []
        names = parameters.camera_names(node)
        masks = [EgoMask(Path(path)) if path else None for path in parameters.ego_masks(node)]
        area = node.get_parameter('blob_min_area').value
        self.cameras = [
            Camera(index, name, Outputs(node, topic_prefix(name), manifest, area), mask, on_refusal)
            for index, (name, mask) in enumerate(zip(names, masks, strict=True))
        ]
        self.health = [
            CameraHealth(
                camera,
                node.resolve_topic_name(f'{topic_prefix(camera.name)}/input/image'),
                limits,
            )
            for camera in self.cameras
        ]

    @property
    def topics(self) -> list[str]:
        """Give the image topics."""
        return [health.topic for health in self.health]

    def start(self, on_change: Callable[[], None]) -> None:
        """
        Subscribe.

        :param on_change: called when a publisher of images comes or goes.
        """
        transport = self._node.get_parameter('input_transport').value
        max_pixels = self._node.get_parameter('max_image_pixels').value
        self._inputs = [
            CameraInput(self._node, camera, self._slots, transport, max_pixels, on_change)
            for camera in self.cameras
        ]

    def stop(self) -> None:
        """Unsubscribe, and drop the frames that wait."""
        for camera_input in self._inputs:
            camera_input.destroy()
        self._inputs = []
        for index, _ in self._slots.take(len(self.cameras)):
            self.cameras[index].counters.settle('dropped_inactive')

    def destroy(self) -> None:
        """Take the topics off the graph."""
        self.stop()
        for camera in self.cameras:
            camera.outputs.destroy()
