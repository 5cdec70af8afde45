"""Check camera images before a runtime sees them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.inference.errors import FrameError

_LARGEST_SIDE = 16384


def check_frame(image: Any) -> NDArray[np.uint8]:
    """Give the image back, contiguous; copies only where it was not.

    :param image: uint8 (H, W, 3).
    :raises FrameError: saying what the image is and what was expected.
    """
    if not isinstance(image, np.ndarray):
        raise FrameError(f'an image is {type(image).__name__}: a numpy array was expected')
    if image.dtype != np.uint8:
        raise FrameError(f'an image is {image.dtype}: uint8 was expected, 0 to 255')
    if image.ndim != 3 or image.shape[2] != 3:
        raise FrameError(f'an image has shape {image.shape}: (height, width, 3) was expected')
    if not min(image.shape) > 0 or max(image.shape) > _LARGEST_SIDE:
        raise FrameError(
            f'an image has shape {image.shape}: sides of 1 to {_LARGEST_SIDE} pixels were expected'
        )
    return np.ascontiguousarray(image)


def stack_frames(images: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Make (N, H, W, 3) of checked images of one size; one image is not copied."""
    return images[0][None] if len(images) == 1 else np.stack(images)
