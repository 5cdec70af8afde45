"""JPEG and PNG bytes from the network: measured before they are decoded, decoded to BGR."""

import struct
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

PNG_SIGNATURE = b'\x89PNG\r\n\x1a\n'
JPEG_START, JPEG_END = b'\xff\xd8', b'\xff\xd9'
# Start-of-frame markers; C4, C8 and CC lie between them and mean other things.
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
JPEG_SCAN = 0xDA
BAYER_TO_BGR = {
    'bayer_rggb8': cv2.COLOR_BayerRGGB2BGR,
    'bayer_bggr8': cv2.COLOR_BayerBGGR2BGR,
    'bayer_gbrg8': cv2.COLOR_BayerGBRG2BGR,
    'bayer_grbg8': cv2.COLOR_BayerGRBG2BGR,
}


class PictureError(ValueError):
    """The bytes are not a whole JPEG or PNG picture."""


@dataclass(frozen=True)
class PictureSize:
    """Size that the picture's header announces, in pixels."""

    height: int
    width: int


def picture_size(data: memoryview) -> PictureSize:
    """
    Read the size of a whole JPEG or PNG from its header, without decoding it.

    Only these two reach a decoder: they are what image_transport publishes, and every further
    format would be one more parser open to the network.

    :raises PictureError: neither JPEG nor PNG, broken, or cut off before its end.
    """
    if bytes(data[:2]) == JPEG_START:
        return _jpeg_size(data)
    if bytes(data[:8]) == PNG_SIGNATURE:
        return _png_size(data)
    raise PictureError(
        f'neither JPEG nor PNG: it begins with {bytes(data[:8]).hex(" ") or "nothing"}'
    )


def decode_picture(data: memoryview, ros_format: str) -> NDArray[np.uint8]:
    """
    Decode a JPEG or PNG to uint8 BGR (height, width, 3), turned as the camera sent it.

    :param ros_format: `CompressedImage.format`, such as 'rgb8; jpeg compressed bgr8'.
    :raises PictureError: the decoder refuses the bytes.
    """
    source, _, stored = ros_format.partition(';')
    mosaic = BAYER_TO_BGR.get(source.strip()) if 'bgr8' not in stored else None
    mode = cv2.IMREAD_COLOR if mosaic is None else cv2.IMREAD_GRAYSCALE
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), mode | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        raise PictureError(f'the decoder failed: {error}') from error
    if pixels is None:
        raise PictureError('the decoder could not read it')
    if mosaic is not None:
        pixels = cv2.cvtColor(pixels, mosaic)
    return np.asarray(pixels, np.uint8)


def _png_size(data: memoryview) -> PictureSize:
    if len(data) < 24 or bytes(data[12:16]) != b'IHDR':
        raise PictureError('the PNG header is broken')
    if b'IEND' not in bytes(data[-64:]):
        raise PictureError(f'the PNG is cut off: no end mark in its {len(data)} bytes')
    width, height = struct.unpack('>II', data[16:24])
    return PictureSize(height, width)


def _jpeg_size(data: memoryview) -> PictureSize:
    size: PictureSize | None = None
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            raise PictureError(f'the JPEG header is broken at byte {position}')
        marker = data[position + 1]
        if marker == 0xFF or 0xD0 <= marker <= 0xD8 or marker == 0x01:
            position += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack('>H', data[position + 2 : position + 4])
        if marker in JPEG_FRAMES and position + 9 <= len(data):
            height, width = struct.unpack('>HH', data[position + 5 : position + 9])
            size = PictureSize(height, width)
        if marker == JPEG_SCAN:
            break
        position += 2 + max(length, 2)
    if size is None or position + 4 > len(data):
        raise PictureError('the JPEG is cut off before its first scan')
    # Inside a scan FF is always followed by 00 or a restart mark, so this finds the true end.
    if bytes(data[position:]).rfind(JPEG_END) < 0:
        raise PictureError(f'the JPEG is cut off: no end mark in its {len(data)} bytes')
    return size
