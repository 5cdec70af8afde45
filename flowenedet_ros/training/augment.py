"""Random views of a labelled picture for training a segmenter."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.data.classes import VOID


@dataclass(frozen=True)
class Augmentation:
    """Scale, crop, mirror, tilt and recolour at random.

    :param size: (height, width) of the crop in pixels.
    :param scales: smallest and largest factor of the picture's size, drawn log-uniformly.
    :param color: largest relative change of gain, contrast and saturation.
    """

    size: tuple[int, int]
    scales: tuple[float, float]
    color: float = 0.35

    def __call__(
        self, image: NDArray[np.uint8], labels: NDArray[np.uint8], rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Give one view; pixels outside the picture are void."""
        image, labels = self._place(image, labels, rng)
        if rng.random() < 0.5:
            image, labels = image[:, ::-1], labels[:, ::-1]
        return self._recolor(np.ascontiguousarray(image), rng), np.ascontiguousarray(labels)

    def _place(
        self, image: NDArray[np.uint8], labels: NDArray[np.uint8], rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        height, width = self.size
        base = max(height / image.shape[0], width / image.shape[1])
        factor = base * float(np.exp(rng.uniform(*np.log(self.scales))))
        aspect = float(np.exp(rng.uniform(-0.1, 0.1)))
        angle = np.deg2rad(rng.normal(0, 2.0))
        matrix = np.array(
            [
                [factor * aspect * np.cos(angle), -factor * np.sin(angle), 0],
                [factor * np.sin(angle), factor / aspect * np.cos(angle), 0],
            ]
        )
        spare = np.array([image.shape[1] * factor - width, image.shape[0] * factor - height])
        center = np.array([image.shape[1] / 2, image.shape[0] / 2])
        jitter = rng.uniform(-0.5, 0.5, size=2) * np.abs(spare)
        matrix[:, 2] = np.array([width / 2, height / 2]) - matrix[:, :2] @ center + jitter
        view = _warp(image, matrix, int(1 / factor), self.size)
        marks = cv2.warpAffine(
            labels, matrix, (width, height), flags=cv2.INTER_NEAREST, borderValue=VOID
        )
        return view.astype(np.uint8), marks.astype(np.uint8)

    def _recolor(self, image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        x = image.astype(np.float32)
        gain, contrast, saturation = 1 + rng.uniform(-self.color, self.color, size=3)
        x *= gain
        mean = x.mean()
        x = (x - mean) * contrast + mean
        gray = x.mean(axis=2, keepdims=True)
        x = gray + (x - gray) * saturation
        x *= 1 + rng.uniform(-0.1, 0.1, size=3).astype(np.float32)
        if rng.random() < 0.15:
            x = np.asarray(cv2.GaussianBlur(x, (0, 0), rng.uniform(0.4, 1.2)), np.float32)
        if rng.random() < 0.3:
            x = x + rng.normal(0, rng.uniform(1, 8), size=x.shape).astype(np.float32)
        return np.asarray(np.clip(x, 0, 255), np.uint8)


def _warp(
    image: NDArray[np.uint8], matrix: NDArray[np.float64], shrink: int, size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Warp a picture to (height, width), averaging over the pixels that `warpAffine` would skip."""
    if shrink > 1:
        height, width = image.shape[0] // shrink, image.shape[1] // shrink
        steps = np.array([image.shape[1] / width, image.shape[0] / height])
        image = np.asarray(
            cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8
        )
        offset = matrix[:, :2] @ (steps / 2 - 0.5) + matrix[:, 2]
        matrix = np.column_stack([matrix[:, :2] * steps, offset])
    view = cv2.warpAffine(image, matrix, size[::-1], flags=cv2.INTER_LINEAR)
    return np.asarray(view, np.uint8)
