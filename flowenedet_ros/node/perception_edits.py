"""What the node does to a perception before it publishes it."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.data.classes import VOID
from flowenedet_ros.inference.manifest import Manifest
from flowenedet_ros.inference.perception import Perception
from flowenedet_ros.node.parameters import ParameterError


def all_unknown(manifest: Manifest) -> Perception:
    """Give the fail-safe result: no class anywhere, every pixel wrong and unknown for certain."""
    height, width = manifest.input.height, manifest.input.width
    stride = manifest.output.stride
    scores = np.ones((-(-height // stride), -(-width // stride)), np.float32)
    everywhere = np.full((height, width), 255, np.uint8)
    labels = np.full((height, width), VOID, np.uint8)
    return Perception(labels, everywhere, everywhere, scores, scores, 0, {})


def resized(perception: Perception, size: tuple[int, int]) -> Perception:
    """Give label map and masks at another (height, width); the scores keep theirs."""
    if perception.labels.shape == size:
        return perception
    labels, idm_mask, ood_mask = (
        np.asarray(cv2.resize(plane, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)
        for plane in (perception.labels, perception.idm_mask, perception.ood_mask)
    )
    return replace(perception, labels=labels, idm_mask=idm_mask, ood_mask=ood_mask)


class EgoMask:
    """
    The part of a camera's image that shows its own vehicle, to be left out of every result.

    :param path: a PNG, non-zero where the vehicle is; stretched to each size it is used at.
    :raises ParameterError: the file cannot be read as a picture.
    """

    def __init__(self, path: Path) -> None:
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if picture is None:
            raise ParameterError(f'ego mask {path} cannot be read; expected a PNG picture')
        self._picture = np.asarray((picture > 0).astype(np.uint8))
        self._sizes: dict[tuple[int, int], NDArray[np.bool_]] = {}

    def apply(self, perception: Perception) -> Perception:
        """Make the vehicle unlabelled, and neither wrong nor unknown."""
        fine = self._at(perception.labels.shape)
        coarse = self._at(perception.idm_score.shape)
        return replace(
            perception,
            labels=np.where(fine, np.uint8(VOID), perception.labels),
            idm_mask=np.where(fine, np.uint8(0), perception.idm_mask),
            ood_mask=np.where(fine, np.uint8(0), perception.ood_mask),
            idm_score=np.where(coarse, np.float32(0), perception.idm_score),
            ood_score=np.where(coarse, np.float32(0), perception.ood_score),
        )

    def outside(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Give the scores of pixels that do not show the vehicle, (n,)."""
        return scores[~self._at(scores.shape)]

    def _at(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        height, width = shape
        if (height, width) not in self._sizes:
            small = cv2.resize(
                self._picture, (width, height), interpolation=cv2.INTER_NEAREST_EXACT
            )
            self._sizes = {**dict(list(self._sizes.items())[-3:]), (height, width): small > 0}
        return self._sizes[height, width]
