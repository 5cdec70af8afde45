"""Repaint labelled road pictures, so that known things come in more looks than few cameras saw."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from .classes import KNOWN
from .ground_marks import mark_ground
from .outliers.textures import fractal_noise, plane

Image = NDArray[np.uint8]


class Repainter:
    """Recolour classes, paint lines, repairs and shadows on the ground, and sharpen, at random.

    All of it stays what it was labelled. Void and outliers are sharpened at most.

    :param ground: label ids of road and pavement.
    """

    def __init__(self, ground: Sequence[int]) -> None:
        self._ground = ground

    def __call__(self, rng: np.random.Generator, image: Image, labels: Image) -> Image:
        """Return a picture of the same things, the given one where nothing was drawn.

        :param image: uint8 (H, W, 3), BGR.
        :param labels: uint8 (H, W).
        """
        if rng.random() < 0.6:
            image = _recolor_classes(rng, image, labels)
        ground = np.isin(labels, self._ground)
        if rng.random() < 0.7 and ground.any():
            image = mark_ground(rng, image, ground)
        if rng.random() < 0.35:
            image = _sharpen(rng, image)
        return image


def _recolor_classes(rng: np.random.Generator, image: Image, labels: Image) -> Image:
    """Give some classes other colours, brightness, blotches and grain, each as a whole."""
    result = image.astype(np.float32)
    height, width = labels.shape
    for label in np.unique(labels[labels < KNOWN]):
        if rng.random() < 0.5:
            continue
        share = plane(cv2.GaussianBlur((labels == label).astype(np.float32), (0, 0), 1.0))
        gain = np.exp(rng.normal(0, 0.12, 3) + rng.normal(0, 0.2)).astype(np.float32)
        if rng.random() < 0.5:
            blotches = fractal_noise(rng, height, width, int(rng.integers(2, 12)))
            gain = gain * np.exp(rng.uniform(0.1, 0.5) * (blotches - 0.5))[..., None]
        if rng.random() < 0.3:
            grain = rng.standard_normal(labels.shape, np.float32)
            grain = plane(cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.5, 1.5)))
            gain = gain * np.exp(np.float32(rng.uniform(0.02, 0.15)) * grain)[..., None]
        result *= 1 + share[..., None] * plane(gain - 1)
    return np.clip(result, 0, 255).astype(np.uint8)


def _sharpen(rng: np.random.Generator, image: Image) -> Image:
    """Sharpen as cameras do in their own processing."""
    x = image.astype(np.float32)
    blurred = plane(cv2.GaussianBlur(x, (0, 0), rng.uniform(0.6, 2)))
    x += np.float32(rng.uniform(0.3, 1.8)) * (x - blurred)
    return np.clip(x, 0, 255).astype(np.uint8)
