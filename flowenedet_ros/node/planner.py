"""One id mask and its confidence, as the Nav2 semantic segmentation layer reads them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.inference.manifest import PlannerClasses
from flowenedet_ros.inference.perception import Perception


def planner_mask(perception: Perception, ids: PlannerClasses) -> NDArray[np.uint8]:
    """
    Give the label map with ids of their own for what must not be trusted.

    An unknown obstacle outranks a doubtful class. Both ids stand in the published class map: an
    id outside it, such as 255, the planner ignores instead of avoiding it.

    :returns: (H, W) class ids.
    """
    mask = perception.labels.copy()
    mask[perception.idm_mask > 0] = ids.uncertain
    mask[perception.ood_mask > 0] = ids.unknown_obstacle
    return mask


def planner_confidence(perception: Perception) -> NDArray[np.uint8]:
    """
    Give the confidence, 0 to 255, in the id that `planner_mask` has at each pixel.

    For unknown obstacles it is the confidence of being one, for doubtful pixels that of being
    wrong: the planner keeps the most confident pixel of a tile, so the segmenter's own low
    confidence there would let a road pixel hide the obstacle.

    :returns: (H, W).
    """
    height, width = perception.labels.shape
    idm, ood = (
        cv2.resize(score, (width, height), interpolation=cv2.INTER_LINEAR)
        for score in (perception.idm_score, perception.ood_score)
    )
    confidence = 1.0 - np.maximum(idm, ood)
    np.copyto(confidence, idm, where=perception.idm_mask > 0)
    np.copyto(confidence, ood, where=perception.ood_mask > 0)
    return np.rint(confidence * 255.0).clip(0, 255).astype(np.uint8)
