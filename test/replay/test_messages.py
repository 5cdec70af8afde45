import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rosbags.image import message_to_cvimage

from flowenedet_ros.replay.bag_reader import COMPRESSED_IMAGE, IMAGE
from flowenedet_ros.replay.camera_images import camera_bgr
from flowenedet_ros.replay.errors import ReplayError
from flowenedet_ros.replay.messages import (
    MessageBuilder,
    Stamp,
    header_stamp_ns,
    with_header_stamp,
)

BUILD = MessageBuilder()
CHANNELS = {'bgr8': 3, 'rgb8': 3, 'mono8': 1, 'bgra8': 4, 'rgba8': 4, 'bayer_rggb8': 1}
stamps = st.builds(
    Stamp, st.integers(0, 2**31 - 1), st.integers(0, 10**9 - 1), st.sampled_from(['', 'camera'])
)


@given(stamps, st.integers(0, 2**62))
def test_the_stamp_is_read_and_changed_without_decoding(stamp: Stamp, now: int) -> None:
    now %= 2**31 * 10**9
    cdr = BUILD.image(np.arange(12, dtype=np.uint8).reshape(2, 2, 3), 'bgr8', stamp)
    assert header_stamp_ns(cdr) == stamp.nanoseconds
    changed = BUILD.typestore.deserialize_cdr(with_header_stamp(cdr, now), IMAGE)
    assert Stamp.of(changed).nanoseconds == now
    assert changed.header.frame_id == stamp.frame_id
    assert bytes(changed.data) == bytes(range(12))


@given(st.sampled_from(sorted(CHANNELS)), st.integers(2, 9), st.integers(2, 9), st.integers(0, 99))
def test_pictures_are_those_of_an_independent_decoder(
    encoding: str, rows: int, columns: int, seed: int
) -> None:
    height, width = 2 * rows, 2 * columns
    shape = (height, width, CHANNELS[encoding])
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    cdr = BUILD.image(pixels.squeeze(), encoding, Stamp(0, 0, ''))
    message = BUILD.typestore.deserialize_cdr(cdr, IMAGE)
    expected = message_to_cvimage(message, 'bgr8')
    assert np.array_equal(camera_bgr(message), expected)


@settings(max_examples=300)
@given(st.data())
def test_nonsense_is_refused_or_decoded_but_never_crashes(data: st.DataObject) -> None:
    cdr = BUILD.image(np.zeros((4, 6, 3), np.uint8), 'bgr8', Stamp(0, 0, 'c'))
    message = BUILD.typestore.deserialize_cdr(cdr, IMAGE)
    message.height = data.draw(st.integers(0, 2**32 - 1) | st.integers(0, 8))
    message.width = data.draw(st.integers(0, 2**32 - 1) | st.integers(0, 8))
    message.step = data.draw(st.integers(0, 2**32 - 1) | st.integers(0, 30))
    message.encoding = data.draw(st.sampled_from(['bgr8', 'nv12', 'mono16', 'yuyv', 'x', '']))
    message.data = np.zeros(data.draw(st.integers(0, 200)), np.uint8)
    try:
        picture = camera_bgr(message)
    except ReplayError:
        return
    assert picture.dtype == np.uint8
    assert picture.shape[2] == 3


@given(st.binary(max_size=300), st.booleans())
def test_what_is_no_picture_is_refused(data: bytes, jpeg: bool) -> None:
    content = (b'\xff\xd8\xff\xe0' if jpeg else b'') + data
    cdr = BUILD.compressed_image(np.frombuffer(content, np.uint8), 'jpeg', Stamp(0, 0, ''))
    with pytest.raises(ReplayError):
        camera_bgr(BUILD.typestore.deserialize_cdr(cdr, COMPRESSED_IMAGE))
