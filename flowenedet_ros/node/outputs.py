"""The publishers of one camera; nothing is computed for a topic that nobody hears."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Float64, Header

from flowenedet_ros.inference.manifest import Manifest
from flowenedet_ros.inference.perception import Perception
from flowenedet_ros.inference.pictures import draw_overlay
from flowenedet_ros.node import blobs, vision
from flowenedet_ros.node.camera_info import rescaled
from flowenedet_ros.node.image_conversion import image_message
from flowenedet_ros.node.planner import planner_confidence, planner_mask
from flowenedet_ros.node.qos import output_qos, overridable, quiet


class Outputs:
    """
    Publish perceptions under a camera's topic prefix, with the stamp and frame of its image.

    :param prefix: '~' or '~/NAME'.
    :param blob_min_area: smallest OOD blob to report, in mask pixels; 0 for none.
    """

    def __init__(
        self, node: LifecycleNode, prefix: str, manifest: Manifest, blob_min_area: int
    ) -> None:
        self._node = node
        self._manifest = manifest
        self._blob_min_area = blob_min_area
        self._publishers: dict[str, Any] = {}
        for name in ('segmentation', 'idm_mask', 'ood_mask', 'idm_score', 'ood_score'):
            self._create(prefix, f'output/{name}', Image)
        for name in ('planner_mask', 'planner_confidence', 'overlay'):
            self._create(prefix, f'output/{name}', Image)
        for name in ('camera_info', 'score_camera_info'):
            self._create(prefix, f'output/{name}', CameraInfo)
        self._create(prefix, 'debug/processing_time_ms', Float64)
        if blob_min_area > 0 and vision.messages is not None:
            self._create(prefix, 'output/ood_blobs', vision.messages.Detection2DArray)

    def publish(
        self,
        perception: Perception,
        header: Header,
        info: CameraInfo | None = None,
        image: NDArray[np.uint8] | None = None,
    ) -> None:
        """
        Publish what has subscribers.

        :param info: of the camera image; without it no CameraInfo is published.
        :param image: BGR, for the overlay; without it none is drawn.
        """
        images: dict[str, tuple[str, Callable[[], NDArray[Any]]]] = {
            'segmentation': ('mono8', lambda: perception.labels),
            'idm_mask': ('mono8', lambda: perception.idm_mask),
            'ood_mask': ('mono8', lambda: perception.ood_mask),
            'idm_score': ('32FC1', lambda: perception.idm_score),
            'ood_score': ('32FC1', lambda: perception.ood_score),
            'planner_mask': (
                'mono8',
                lambda: planner_mask(perception, self._manifest.planner_classes),
            ),
            'planner_confidence': ('mono8', lambda: planner_confidence(perception)),
        }
        for name, (encoding, pixels) in images.items():
            self._send(f'output/{name}', partial(_image, pixels, encoding, header))
        if info is not None:
            self._publish_infos(perception, header, info)
        self._send('output/ood_blobs', lambda: self._blobs(perception, header))
        if image is not None:
            self._send('output/overlay', lambda: self._overlay(perception, header, image))

    def publish_processing_time(self, milliseconds: float) -> None:
        """Publish how long the worker had the frame."""
        self._send('debug/processing_time_ms', lambda: Float64(data=milliseconds))

    def destroy(self) -> None:
        """Take the topics off the graph."""
        for publisher in self._publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)
        self._publishers.clear()

    def _create(self, prefix: str, name: str, message_type: Any) -> None:
        self._publishers[name] = self._node.create_lifecycle_publisher(
            message_type,
            f'{prefix}/{name}',
            output_qos(),
            event_callbacks=quiet(),
            qos_overriding_options=overridable(),
        )

    def _send(self, name: str, message: Callable[[], Any]) -> None:
        publisher = self._publishers.get(name)
        if publisher is not None and publisher.get_subscription_count() > 0:
            publisher.publish(message())

    def _publish_infos(self, perception: Perception, header: Header, info: CameraInfo) -> None:
        for name, plane in (
            ('camera_info', perception.labels),
            ('score_camera_info', perception.idm_score),
        ):
            height, width = plane.shape
            scaled = rescaled(info, (height, width), header)
            if scaled is not None:
                self._send(f'output/{name}', partial(_given, scaled))

    def _blobs(self, perception: Perception, header: Header) -> Any:
        found = blobs.find_blobs(perception.ood_mask, perception.ood_score, self._blob_min_area)
        return blobs.detections(found, header)

    def _overlay(self, perception: Perception, header: Header, image: NDArray[np.uint8]) -> Image:
        picture = draw_overlay(image, perception, self._manifest.classes)
        return image_message(picture[..., ::-1], 'rgb8', header)


def _image(pixels: Callable[[], NDArray[Any]], encoding: str, header: Header) -> Image:
    return image_message(pixels(), encoding, header)


def _given(message: Any) -> Any:
    return message
