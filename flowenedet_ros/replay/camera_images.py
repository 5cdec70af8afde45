"""Decoded camera messages, of rosbags or of rclpy, to BGR arrays; no ROS is needed."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.node.compressed_pictures import PictureError, decode_picture, picture_size
from flowenedet_ros.node.pixel_formats import (
    PACKED,
    TWO_PLANES,
    packed_to_bgr,
    two_planes_to_bgr,
)
from flowenedet_ros.replay.errors import ReplayError


def camera_bgr(message: Any) -> NDArray[np.uint8]:
    """Give the picture of a sensor_msgs Image or CompressedImage.

    :returns: uint8 (H, W, 3), BGR.
    :raises ReplayError: the message is malformed; says what was wrong and what was expected.
    """
    data = memoryview(message.data).cast('B')
    try:
        if not hasattr(message, 'encoding'):
            picture_size(data)
            return decode_picture(data, message.format)
        return _image(message, data)
    except (PictureError, cv2.error) as error:
        raise ReplayError(f'the picture cannot be decoded: {error}') from error


def plane(message: Any, dtype: type[np.generic]) -> NDArray[Any]:
    """Give the one channel of an Image that this package wrote, (H, W)."""
    values = np.frombuffer(memoryview(message.data).cast('B'), dtype)
    return values.reshape(message.height, message.width)


def _image(message: Any, data: memoryview) -> NDArray[np.uint8]:
    height, width, step, encoding = message.height, message.width, message.step, message.encoding
    if encoding not in PACKED and encoding not in TWO_PLANES:
        raise ReplayError(f'unknown encoding {encoding!r}; expected one that OpenCV can make BGR')
    if not height or not width:
        raise ReplayError(f'the image is empty: {width}x{height} pixels')
    if encoding in TWO_PLANES:
        rows = len(data) // max(step, 1)
        if step < width or rows not in (height, height * 3 // 2) or len(data) != rows * step:
            raise ReplayError(
                f'data has {len(data)} bytes; {encoding} of {width}x{height} pixels '
                f'with step {step} needs {step * height * 3 // 2}'
            )
        return two_planes_to_bgr(data, rows, width, step, encoding)
    row_bytes = width * PACKED[encoding].pixel_bytes
    if step < row_bytes:
        raise ReplayError(f'step is {step} bytes; {width} pixels of {encoding} need {row_bytes}')
    # Some drivers leave the padding off the last row.
    if len(data) not in (step * height, step * (height - 1) + row_bytes):
        raise ReplayError(
            f'data has {len(data)} bytes; step {step} x height {height} needs {step * height}'
        )
    return packed_to_bgr(data, height, width, step, encoding, bool(message.is_bigendian))
