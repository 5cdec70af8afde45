"""Camera messages become the same pixels as an independent implementation finds in them."""

import array

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rosbags.image import message_to_cvimage
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from flowenedet_ros.node.image_conversion import (
    ConversionError,
    check_message,
    image_message,
    to_bgr,
)
from flowenedet_ros.node.pixel_formats import PACKED, TWO_PLANES

MAX_PIXELS = 1_000_000
# Encodings whose conversion to bgr8 the independent implementation knows.
ORACLE = sorted(set(PACKED) - {'8UC1', '8UC3', '8UC4', '16UC1', '16UC3', '16UC4'})


def make_image(encoding, height, width, padding=0, big_endian=False, seed=0):
    """Give an Image of random samples, with `padding` bytes after each row."""
    pixel_bytes = PACKED[encoding].pixel_bytes if encoding in PACKED else 1
    rows = height * 3 // 2 if encoding in TWO_PLANES else height
    step = width * pixel_bytes + padding
    data = np.random.default_rng(seed).integers(0, 256, rows * step, np.uint8)
    return Image(
        height=height,
        width=width,
        encoding=encoding,
        step=step,
        is_bigendian=int(big_endian),
        data=array.array('B', data.tobytes()),
    )


def convert(message):
    check_message(message, MAX_PIXELS)
    return to_bgr(message)


def without_padding(message):
    rows = np.frombuffer(message.data, np.uint8).reshape(-1, message.step)
    row_bytes = message.width * (
        PACKED[message.encoding].pixel_bytes if message.encoding in PACKED else 1
    )
    return Image(
        height=message.height,
        width=message.width,
        encoding=message.encoding,
        is_bigendian=message.is_bigendian,
        step=row_bytes,
        data=array.array('B', rows[:, :row_bytes].tobytes()),
    )


@pytest.mark.parametrize('big_endian', [False, True])
@pytest.mark.parametrize('encoding', ORACLE)
def test_pixels_agree_with_an_independent_converter(encoding, big_endian):
    message = make_image(encoding, 8, 10, big_endian=big_endian)

    expected = message_to_cvimage(message, 'bgr8').astype(int)

    # A 16-bit mosaic is interpolated after it became 8 bit here, before it there.
    tolerance = 1 if encoding.endswith('16') else 0
    assert np.abs(convert(message).astype(int) - expected).max() <= tolerance


@pytest.mark.parametrize('encoding', [*PACKED, *TWO_PLANES])
def test_row_padding_changes_nothing(encoding):
    padded = make_image(encoding, 6, 8, padding=5)

    np.testing.assert_array_equal(convert(padded), convert(without_padding(padded)))


@pytest.mark.parametrize(
    ('untyped', 'typed'),
    [('8UC1', 'mono8'), ('8UC3', 'bgr8'), ('8UC4', 'bgra8'), ('16UC1', 'mono16')],
)
def test_untyped_channels_are_read_as_opencv_writes_them(untyped, typed):
    message = make_image(untyped, 4, 6)
    as_typed = make_image(typed, 4, 6)

    np.testing.assert_array_equal(convert(message), convert(as_typed))


@pytest.mark.parametrize('encoding', ['nv12', 'nv21'])
def test_two_plane_images_are_grey_where_the_colour_is_neutral(encoding):
    message = make_image(encoding, 4, 6)
    message.data[24:] = array.array('B', [128] * 12)

    pixels = convert(message)

    assert pixels.shape == (4, 6, 3)
    assert np.ptp(pixels.astype(int), axis=2).max() == 0


def test_two_plane_height_may_count_the_colour_rows():
    message = make_image('nv12', 4, 6)
    counted = make_image('nv12', 4, 6)
    counted.height = 6

    assert check_message(counted, MAX_PIXELS) == (4, 6)
    np.testing.assert_array_equal(convert(counted), convert(message))


def test_an_unpadded_bgr8_frame_is_not_copied():
    message = make_image('bgr8', 4, 6)

    assert np.shares_memory(convert(message), np.frombuffer(message.data, np.uint8))


def test_the_last_row_may_lack_its_padding():
    message = make_image('rgb8', 3, 4, padding=4)
    expected = convert(message)
    message.data = message.data[:-4]

    np.testing.assert_array_equal(convert(message), expected)


@pytest.mark.parametrize(('change', 'complaint'), [
    ({'encoding': 'bgr9'}, "unknown encoding 'bgr9'; expected one of bgr8"),
    ({'encoding': ''}, "unknown encoding ''"),
    ({'height': 0}, 'empty: 6x0'),
    ({'width': 0}, 'empty: 0x4'),
    ({'step': 17}, 'step is 17 bytes; 6 pixels of bgr8 need at least 18'),
    ({'height': 5}, 'data has 72 bytes; step 18 x height 5 needs 90'),
    ({'data': array.array('B')}, 'data has 0 bytes'),
    ({'height': 4_000_000_000, 'width': 4_000_000_000}, 'more than the 1000000'),
    ({'encoding': 'yuyv', 'width': 5}, 'yuyv needs an even width; it is 5'),
])  # fmt: skip
def test_a_malformed_image_is_refused_with_what_was_expected(change, complaint):
    message = make_image('bgr8', 4, 6)
    for field, value in change.items():
        setattr(message, field, value)

    with pytest.raises(ConversionError, match=complaint):
        check_message(message, MAX_PIXELS)


def compressed(pixels, extension='.png', ros_format=None):
    encoded = cv2.imencode(extension, pixels)[1].tobytes()
    return CompressedImage(format=ros_format or extension[1:], data=array.array('B', encoded))


def test_png_survives_exactly():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)

    np.testing.assert_array_equal(convert(compressed(pixels)), pixels)


def test_jpeg_agrees_with_an_independent_converter():
    picture = cv2.GaussianBlur(
        np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8), (0, 0), 3
    )
    message = compressed(picture, '.jpg', 'rgb8; jpeg compressed bgr8')

    assert check_message(message, MAX_PIXELS) == (40, 60)
    np.testing.assert_array_equal(convert(message), message_to_cvimage(message, 'bgr8'))


def test_a_compressed_mosaic_is_interpolated():
    raw = make_image('bayer_rggb8', 8, 8)
    mosaic = np.frombuffer(raw.data, np.uint8).reshape(8, 8)
    message = compressed(mosaic, '.png', 'bayer_rggb8; png compressed ')

    np.testing.assert_array_equal(convert(message), convert(raw))


@pytest.mark.parametrize('extension', ['.jpg', '.png'])
@pytest.mark.parametrize('kept', [0.02, 0.5, 0.97])
def test_a_truncated_picture_is_refused(extension, kept):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    message = compressed(pixels, extension)
    message.data = message.data[: int(len(message.data) * kept)]

    with pytest.raises(ConversionError, match=r'cut off|broken|neither'):
        check_message(message, MAX_PIXELS)


def test_other_formats_never_reach_a_decoder():
    message = compressed(np.zeros((4, 4, 3), np.uint8), '.bmp')

    with pytest.raises(ConversionError, match='neither JPEG nor PNG'):
        check_message(message, MAX_PIXELS)


def test_a_picture_too_large_for_the_memory_is_refused_before_decoding():
    message = compressed(np.zeros((1001, 1000), np.uint8))

    with pytest.raises(ConversionError, match='1000x1001'):
        check_message(message, MAX_PIXELS)


@given(st.binary(max_size=400), st.sampled_from([b'', b'\xff\xd8', b'\x89PNG\r\n\x1a\n']))
def test_any_bytes_are_a_picture_or_a_clear_error(data, start):
    message = CompressedImage(format='jpeg', data=array.array('B', start + data))

    try:
        pixels = convert(message)
    except ConversionError:
        return
    assert pixels.ndim == 3


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from([*PACKED, *TWO_PLANES, 'bgr9', '32FC1']),
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(0, 80),
    st.binary(max_size=700),
    st.integers(0, 255),
)
def test_any_image_is_converted_or_refused(encoding, height, width, step, data, big_endian):
    message = Image(
        height=height,
        width=width,
        encoding=encoding,
        step=step,
        is_bigendian=big_endian,
        data=array.array('B', data),
    )
    try:
        size = check_message(message, MAX_PIXELS)
    except ConversionError:
        return
    assert to_bgr(message).shape == (*size, 3)


@pytest.mark.parametrize(('dtype', 'encoding'), [(np.uint8, 'mono8'), (np.float32, '32FC1')])
def test_outputs_are_packed_rows_with_the_input_header(dtype, encoding):
    pixels = np.arange(12).reshape(3, 4).astype(dtype)[:, ::2]
    header = Header(frame_id='camera_optical')
    header.stamp.sec = 7

    message = image_message(pixels, encoding, header)

    assert (message.height, message.width, message.step) == (3, 2, 2 * pixels.itemsize)
    assert message.header == header
    np.testing.assert_array_equal(np.frombuffer(message.data, dtype).reshape(3, 2), pixels)
