"""Camera messages to BGR arrays, and arrays to `sensor_msgs/Image`."""

import array
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from flowenedet_ros.node import cv_bridge_adapter
from flowenedet_ros.node.compressed_pictures import PictureError, decode_picture, picture_size
from flowenedet_ros.node.pixel_formats import (
    ENCODINGS,
    PACKED,
    TWO_PLANES,
    packed_to_bgr,
    two_planes_to_bgr,
)

HALF_WIDTH_COLOUR = frozenset({'yuv422', 'uyvy', 'yuv422_yuy2', 'yuyv', *TWO_PLANES})


class ConversionError(ValueError):
    """A camera message is malformed; says what was wrong and what was expected."""


def check_message(message: Image | CompressedImage, max_pixels: int) -> tuple[int, int]:
    """
    Check a camera message without touching its pixels, and give its (height, width).

    :param max_pixels: larger images are refused, so that no message can exhaust the memory.
    :raises ConversionError: unknown encoding, impossible size, wrong length, cut-off picture.
    """
    if isinstance(message, CompressedImage):
        try:
            size = picture_size(memoryview(message.data))
        except PictureError as error:
            raise ConversionError(f'compressed image {message.format!r}: {error}') from error
        height, width = size.height, size.width
    else:
        height, width = _image_size(message)
    if height == 0 or width == 0:
        raise ConversionError(f'the image is empty: {width}x{height} pixels')
    if height * width > max_pixels:
        raise ConversionError(
            f'the image has {width}x{height} = {height * width} pixels, more than the '
            f'{max_pixels} that max_image_pixels allows'
        )
    if not isinstance(message, CompressedImage):
        _check_layout(message)
    return height, width


def to_bgr(message: Image | CompressedImage) -> NDArray[np.uint8]:
    """
    Give a checked camera message as C-contiguous uint8 BGR (height, width, 3).

    bgr8 without row padding is not copied: the array looks into the message.

    :raises ConversionError: the pixels cannot be decoded.
    """
    data = memoryview(message.data)
    try:
        if isinstance(message, CompressedImage):
            return decode_picture(data, message.format)
        if message.encoding in TWO_PLANES:
            rows = len(data) // message.step
            return two_planes_to_bgr(data, rows, message.width, message.step, message.encoding)
        if message.encoding in cv_bridge_adapter.trusted_encodings():
            return cv_bridge_adapter.to_bgr(message)
        return packed_to_bgr(
            data,
            message.height,
            message.width,
            message.step,
            message.encoding,
            bool(message.is_bigendian),
        )
    except (PictureError, cv2.error) as error:
        raise ConversionError(f'the pixels cannot be decoded: {error}') from error


def image_message(pixels: NDArray[Any], encoding: str, header: Header) -> Image:
    """
    Wrap an (H, W) or (H, W, C) array as an Image without row padding.

    The data goes through `array.array`, the one type that rclpy takes without looking at every
    byte (ros2/rosidl_python issue 156: half a second for a camera frame otherwise).
    """
    pixels = np.ascontiguousarray(pixels)
    data = array.array('B')
    data.frombytes(pixels.data.cast('B'))
    height, width = pixels.shape[:2]
    message = Image(header=header, height=height, width=width, encoding=encoding)
    message.step = pixels.nbytes // height
    message.is_bigendian = 0
    message.data = data
    return message


def _image_size(message: Image) -> tuple[int, int]:
    if message.encoding not in PACKED and message.encoding not in TWO_PLANES:
        raise ConversionError(
            f'unknown encoding {message.encoding!r}; expected one of {", ".join(ENCODINGS)}'
        )
    height, width = message.height, message.width
    # NV12 drivers disagree on whether `height` counts the colour rows; the length tells.
    if message.encoding in TWO_PLANES and len(message.data) == message.step * height:
        height = height * 2 // 3
    return height, width


def _check_layout(message: Image) -> None:
    encoding, height, width, step = (
        message.encoding,
        message.height,
        message.width,
        message.step,
    )
    pixel_bytes = PACKED[encoding].pixel_bytes if encoding in PACKED else 1
    row_bytes = width * pixel_bytes
    if encoding in HALF_WIDTH_COLOUR and width % 2:
        raise ConversionError(f'{encoding} needs an even width; it is {width}')
    if step < row_bytes:
        raise ConversionError(
            f'step is {step} bytes; {width} pixels of {encoding} need at least {row_bytes}'
        )
    length = len(message.data)
    if encoding in TWO_PLANES:
        _check_two_planes(encoding, height, step, length)
    # Some drivers leave the padding off the last row.
    elif length not in (step * height, step * (height - 1) + row_bytes):
        raise ConversionError(
            f'data has {length} bytes; step {step} x height {height} needs {step * height}'
        )


def _check_two_planes(encoding: str, height: int, step: int, length: int) -> None:
    counted, uncounted = step * height, step * height * 3 // 2
    if length == counted and height % 3 == 0:
        return
    if length == uncounted and height % 2 == 0:
        return
    raise ConversionError(
        f'data has {length} bytes; {encoding} with step {step} and height {height} needs '
        f'{uncounted}, or {counted} where the height counts the colour rows'
    )
