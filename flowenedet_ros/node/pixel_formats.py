"""How each `sensor_msgs/Image` encoding lies in memory and becomes BGR."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PixelFormat:
    """Describe one encoding: bytes per sample, samples per pixel, OpenCV code to BGR."""

    sample_bytes: int
    channels: int
    to_bgr: int | None

    @property
    def pixel_bytes(self) -> int:
        """Give the bytes of one pixel in a row."""
        return self.sample_bytes * self.channels


def _both_depths(pattern: str, channels: int, code: int | None) -> dict[str, PixelFormat]:
    return {
        pattern.format(8): PixelFormat(1, channels, code),
        pattern.format(16): PixelFormat(2, channels, code),
    }


# Untyped channels are taken as OpenCV would have written them: grey, BGR, BGRA.
PACKED: dict[str, PixelFormat] = {
    **_both_depths('bgr{}', 3, None),
    **_both_depths('rgb{}', 3, cv2.COLOR_RGB2BGR),
    **_both_depths('bgra{}', 4, cv2.COLOR_BGRA2BGR),
    **_both_depths('rgba{}', 4, cv2.COLOR_RGBA2BGR),
    **_both_depths('mono{}', 1, cv2.COLOR_GRAY2BGR),
    **_both_depths('{}UC1', 1, cv2.COLOR_GRAY2BGR),
    **_both_depths('{}UC3', 3, None),
    **_both_depths('{}UC4', 4, cv2.COLOR_BGRA2BGR),
    **_both_depths('bayer_rggb{}', 1, cv2.COLOR_BayerRGGB2BGR),
    **_both_depths('bayer_bggr{}', 1, cv2.COLOR_BayerBGGR2BGR),
    **_both_depths('bayer_gbrg{}', 1, cv2.COLOR_BayerGBRG2BGR),
    **_both_depths('bayer_grbg{}', 1, cv2.COLOR_BayerGRBG2BGR),
    'yuv422': PixelFormat(1, 2, cv2.COLOR_YUV2BGR_UYVY),
    'uyvy': PixelFormat(1, 2, cv2.COLOR_YUV2BGR_UYVY),
    'yuv422_yuy2': PixelFormat(1, 2, cv2.COLOR_YUV2BGR_YUY2),
    'yuyv': PixelFormat(1, 2, cv2.COLOR_YUV2BGR_YUY2),
}
# A plane of brightness and, below it, half as many rows of colour.
TWO_PLANES: dict[str, int] = {
    'nv12': cv2.COLOR_YUV2BGR_NV12,
    'nv21': cv2.COLOR_YUV2BGR_NV21,
}
ENCODINGS = (*PACKED, *TWO_PLANES)


def packed_to_bgr(
    data: memoryview, height: int, width: int, step: int, encoding: str, big_endian: bool
) -> NDArray[np.uint8]:
    """Give a packed image as C-contiguous uint8 BGR (height, width, 3); a view where it can be."""
    layout = PACKED[encoding]
    sample = f'{">" if big_endian else "<"}u{layout.sample_bytes}'
    shape = (height, width, layout.channels)
    strides = (step, layout.pixel_bytes, layout.sample_bytes)
    samples = np.ndarray(shape, sample, data, strides=strides)
    if layout.sample_bytes == 2:
        # The full range becomes the full range, as cv_bridge does it.
        full = np.ascontiguousarray(samples, np.uint16).reshape(height, -1)
        pixels = cv2.convertScaleAbs(full, alpha=255.0 / 65535.0).reshape(shape)
    else:
        pixels = np.ascontiguousarray(samples)
    if layout.to_bgr is not None:
        pixels = cv2.cvtColor(pixels, layout.to_bgr)
    return np.asarray(pixels, np.uint8)


def two_planes_to_bgr(
    data: memoryview, rows: int, width: int, step: int, encoding: str
) -> NDArray[np.uint8]:
    """Give an NV12 or NV21 image, `rows` counting both planes, as uint8 BGR."""
    planes = np.ndarray((rows, width), np.uint8, data, strides=(step, 1))
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(planes), TWO_PLANES[encoding]), np.uint8)
