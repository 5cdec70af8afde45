"""Perceptions as serialized messages, the same topics and types that the node publishes."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.data.classes import VOID
from flowenedet_ros.inference.manifest import Manifest
from flowenedet_ros.inference.perception import Perception, Thresholds
from flowenedet_ros.node.planner import planner_confidence, planner_mask
from flowenedet_ros.replay import topics
from flowenedet_ros.replay.messages import MessageBuilder, Stamp


class PerceptionMessages:
    """Build the outputs of one model.

    :param manifest: of the model's bundle.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self.build = MessageBuilder()

    def images(self, perception: Perception, stamp: Stamp) -> Iterator[tuple[str, bytes]]:
        """Yield (output, serialized message) for every image topic."""
        planes: dict[str, tuple[str, NDArray[Any]]] = {
            topics.SEGMENTATION: ('mono8', perception.labels),
            topics.IDM_MASK: ('mono8', perception.idm_mask),
            topics.OOD_MASK: ('mono8', perception.ood_mask),
            topics.IDM_SCORE: ('32FC1', perception.idm_score),
            topics.OOD_SCORE: ('32FC1', perception.ood_score),
            topics.PLANNER_MASK: ('mono8', self._planner_mask(perception)),
            topics.PLANNER_CONFIDENCE: ('mono8', planner_confidence(perception)),
        }
        for output, (encoding, pixels) in planes.items():
            yield output, self.build.image(pixels, encoding, stamp)

    def camera_infos(
        self, perception: Perception, info: Any, stamp: Stamp
    ) -> Iterator[tuple[str, bytes]]:
        """Yield (output, serialized CameraInfo) for the size of the masks and of the scores.

        :param info: decoded CameraInfo of the camera image.
        """
        for output, like in (
            (topics.OUTPUT_CAMERA_INFO, perception.labels),
            (topics.SCORE_CAMERA_INFO, perception.idm_score),
        ):
            height, width = like.shape
            scaled = rescaled(info, height, width)
            if scaled is not None:
                scaled.header = self.build.header(stamp)
                yield output, self.build.serialize(scaled)

    def label_map(self, thresholds: Thresholds, operating_point: str) -> bytes:
        """Describe classes, colours, planner ids, thresholds and the model's identity as JSON."""
        manifest = self._manifest
        ids = manifest.planner_classes
        content = {
            'model': manifest.name,
            'model_sha256': manifest.files['model.onnx'],
            'classes': [
                {'id': index, 'name': info.name, 'color': list(info.color)}
                for index, info in enumerate(manifest.classes)
            ],
            'planner_classes': [
                {'id': ids.uncertain, 'name': 'uncertain'},
                {'id': ids.unknown_obstacle, 'name': 'unknown_obstacle'},
            ],
            'unlabelled': VOID,
            'operating_point': operating_point,
            'thresholds': {'idm': thresholds.idm, 'ood': thresholds.ood},
            'guarantee': manifest.calibration.guarantee,
        }
        return self.build.string(json.dumps(content))

    def _planner_mask(self, perception: Perception) -> NDArray[np.uint8]:
        return planner_mask(perception, self._manifest.planner_classes)


def rescaled(info: Any, height: int, width: int) -> Any | None:
    """Describe the whole view of a camera at another size, with nothing binned or cut out.

    :returns: None where `info` does not say which part of the sensor its image shows.
    """
    roi = info.roi
    cropped = roi.width > 0 and roi.height > 0
    window = (roi.width, roi.height) if cropped else (info.width, info.height)
    left, top = (roi.x_offset, roi.y_offset) if cropped else (0, 0)
    if min(window) == 0:
        return None
    # Images are resized with pixel centres at half-integers, so a centre moves by half a pixel.
    x, y = width / window[0], height / window[1]
    change = np.array(
        [[x, 0, (0.5 - left) * x - 0.5], [0, y, (0.5 - top) * y - 0.5], [0, 0, 1]], np.float64
    )
    result = copy.copy(info)
    result.height, result.width = height, width
    result.binning_x = result.binning_y = 0
    result.roi = type(roi)(0, 0, 0, 0, False)
    if info.k[0] == 0.0:
        return result  # an uncalibrated camera stays one
    result.k = (change @ np.reshape(info.k, (3, 3))).reshape(-1)
    result.p = (change @ np.reshape(info.p, (3, 4))).reshape(-1)
    return result
