"""Unknown objects as boxes, where vision_msgs is installed."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from std_msgs.msg import Header

from flowenedet_ros.node import vision


@dataclass(frozen=True)
class Blob:
    """A connected group of OOD pixels; the box is in pixels of the mask."""

    left: int
    top: int
    width: int
    height: int
    area: int
    score: float


def find_blobs(
    ood_mask: NDArray[np.uint8], ood_score: NDArray[np.float32], min_area: int
) -> list[Blob]:
    """
    Find connected components of at least `min_area` pixels, largest first.

    :param ood_mask: (H, W) 0 / 255.
    :param ood_score: (h, w); a blob's score is its greatest.
    """
    height, width = ood_mask.shape
    score = cv2.resize(ood_score, (width, height), interpolation=cv2.INTER_LINEAR)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ood_mask, connectivity=8)
    blobs = []
    for index in range(1, count):
        left, top, box_width, box_height, area = (int(value) for value in stats[index])
        if area < min_area:
            continue
        box = np.s_[top : top + box_height, left : left + box_width]
        best = float(score[box][labels[box] == index].max())
        blobs.append(Blob(left, top, box_width, box_height, area, best))
    return sorted(blobs, key=lambda blob: blob.area, reverse=True)


def detections(blobs: list[Blob], header: Header) -> Any:
    """Give the blobs as a vision_msgs/Detection2DArray."""
    message = vision.messages.Detection2DArray(header=header)
    for blob in blobs:
        detection = vision.messages.Detection2D(header=header)
        detection.bbox.center.position.x = blob.left + blob.width / 2
        detection.bbox.center.position.y = blob.top + blob.height / 2
        detection.bbox.size_x, detection.bbox.size_y = float(blob.width), float(blob.height)
        result = vision.messages.ObjectHypothesisWithPose()
        result.hypothesis.class_id = 'unknown_obstacle'
        result.hypothesis.score = blob.score
        detection.results.append(result)
        message.detections.append(detection)
    return message
