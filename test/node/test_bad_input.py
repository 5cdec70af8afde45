"""Bad images are named and counted, and the next frame is processed."""

import array
import random

import cv2
import numpy as np
import pytest
from node.harness import NODE, compressed, image, pixels_of
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CompressedImage, Image
from support.tiny_bundle import smooth_image

from flowenedet_ros.node.pixel_formats import ENCODINGS

ERROR = 2
PNG = cv2.imencode('.png', smooth_image(120, 160))[1].tobytes()
BROKEN_PNG = PNG[:200] + bytes(100) + PNG[300:]
SHORT = array.array('B', bytes(100))
JPEG = cv2.imencode('.jpg', smooth_image(120, 160))[1].tobytes()


def changed(**fields):
    message = image(5)
    for name, value in fields.items():
        setattr(message, name, value)
    return message


BAD_IMAGES = {
    "unknown encoding 'bgr7'": changed(encoding='bgr7'),
    'data has 100 bytes; step 480 x height 120 needs 57600': changed(data=SHORT),
    'the image is empty: 160x0': changed(height=0),
    'the image is empty: 0x120': changed(width=0),
    'step is 3 bytes; 160 pixels of bgr8 need at least 480': changed(step=3),
    'more than the 33554432 that max_image_pixels allows': changed(height=60000, width=60000),
}  # fmt: skip
BAD_PICTURES = {
    'no end mark in its': compressed(JPEG[:-200]),
    'neither JPEG nor PNG: it begins with 00 01': compressed(bytes(range(100))),
    'it begins with nothing': compressed(b''),
}


@pytest.mark.parametrize(('transport', 'bad', 'good'), [
    ('raw', BAD_IMAGES, image(9)),
    ('compressed', BAD_PICTURES, compressed(JPEG, 9)),
])  # fmt: skip
def test_each_fault_is_named_and_counted_and_the_next_frame_runs(
    robot, bundle, transport, bad, good
):
    robot.start(model=bundle, input_transport=transport)
    robot.wait_active()
    camera = robot.camera(message_type=type(good))

    for count, (complaint, message) in enumerate(bad.items(), start=1):
        camera.publish(message)
        robot.until(lambda count=count: robot.count('rejected_malformed') == count, complaint)
        robot.until(
            lambda complaint=complaint: any(
                complaint in status.message
                for report in robot.heard['/diagnostics']
                for status in report.status
            ),
            complaint,
        )
        camera.publish(good)
        robot.until(lambda count=count: robot.count('processed') == count, 'the next frame')
    assert robot.settled(2 * len(bad))


def at_noon(message):
    message.header.stamp.sec = 12
    return message


@pytest.mark.parametrize('on_failure', ['unknown', 'nothing'])
@pytest.mark.parametrize(('transport', 'bad', 'good'), [
    ('raw', at_noon(changed(encoding='bgr7')), image(9)),
    ('compressed', at_noon(compressed(JPEG[:-200])), compressed(JPEG, 9)),
    # Its header is whole, so that only the decoder finds out.
    ('compressed', at_noon(compressed(BROKEN_PNG)), compressed(JPEG, 9)),
])  # fmt: skip
def test_a_malformed_frame_is_marked_as_unknown(robot, bundle, transport, bad, good, on_failure):
    robot.start(model=bundle, input_transport=transport, on_failure=on_failure)
    topic = f'{NODE}/output/ood_mask'
    robot.listen(topic, Image)
    robot.wait_active()
    camera = robot.camera(message_type=type(good))
    robot.wait_for_listeners()

    camera.publish(bad)
    robot.until(lambda: robot.count('rejected_malformed') == 1, 'the refusal')
    assert robot.levels['flowenedet', 'frames'] == ERROR
    camera.publish(good)
    robot.until(lambda: robot.count('processed') == 1, 'the good frame')

    marked = {mask.header.stamp.sec: set(pixels_of(mask).ravel()) for mask in robot.heard[topic]}
    assert marked.get(12) == ({255} if on_failure == 'unknown' else None)
    assert marked[9] != {255}
    assert robot.count('frame_recoveries') == 1


def fuzzed(rng):
    """Give an Image in which any field may be wrong, small enough to send fast."""
    encoding = rng.choice([*ENCODINGS, '', '32FC1', 'bgr8\x00', 'x' * 300])
    height, width = rng.choice([0, 1, 2, 7, 48]), rng.choice([0, 1, 2, 8, 64])
    step = rng.choice([0, width, 3 * width, 3 * width + 5, 2**32 - 1])
    length = rng.choice([0, 1, step * height, step * height + 1, height * width])
    message = Image(encoding=encoding, height=height, width=width, step=step)
    message.is_bigendian = rng.choice([0, 1, 255])
    if rng.random() < 0.1:
        message.height = 2**32 - 1
    message.header.frame_id = rng.choice(['', 'camera', 'ä' * 50])
    message.header.stamp.sec = rng.choice([0, 1, 2**31 - 1, -(2**31)])
    message.header.stamp.nanosec = rng.choice([0, 5, 2**32 - 1])
    message.data = array.array('B', rng.randbytes(min(length, 100_000)))
    return message


def fuzzed_picture(rng):
    """Give a CompressedImage of damaged, cut or invented bytes."""
    data = bytearray(rng.choice([JPEG, cv2.imencode('.png', smooth_image(20, 30))[1].tobytes()]))
    for _ in range(rng.randrange(6)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    if rng.random() < 0.3:
        del data[rng.randrange(len(data)) :]
    if rng.random() < 0.1:
        data = bytearray(rng.randbytes(rng.randrange(200)))
    ros_format = rng.choice(['jpeg', '', 'bayer_rggb8; jpeg compressed', 'x' * 300])
    return compressed(bytes(data), 1, ros_format)


@pytest.mark.slow
@pytest.mark.parametrize(('transport', 'make', 'message_type'), [
    ('raw', fuzzed, Image),
    ('compressed', fuzzed_picture, CompressedImage),
])  # fmt: skip
def test_ten_thousand_fuzzed_messages_crash_nothing(robot, bundle, transport, make, message_type):
    # Reliable and deep, so that every message reaches the checks instead of being replaced.
    override = f'qos_overrides.{NODE}/input/image.subscription'
    node = robot.start(
        *('-p', f'{override}.reliability:=reliable', '-p', f'{override}.depth:=300'),
        model=bundle,
        input_transport=transport,
        backend='onnxruntime',
    )
    robot.wait_active()
    robot.listen(f'{NODE}/output/planner_mask', Image)
    camera = robot.camera(message_type=message_type, qos=QoSProfile(depth=300))
    rng = random.Random(0)

    for sent in range(1, 5001):
        camera.publish(make(rng))
        if sent % 250 == 0:
            robot.until(lambda sent=sent: robot.settled(sent), f'{sent} frames')

    assert robot.count('received') == 5000
    assert robot.count('rejected_malformed') > 1000
    assert robot.count('processed') > 50
    good = compressed(JPEG) if transport == 'compressed' else image(1)
    before = robot.count('processed')
    camera.publish(good)
    robot.until(lambda: robot.count('processed') > before, 'a good frame after all of them')
    assert 'Traceback' not in node.output()


def test_malformed_images_of_a_foreign_bag_are_reported_and_not_fatal(robot, bundle, real_data):
    from rosbags.highlevel import AnyReader
    from rosbags.typesys import Stores, get_typestore

    robot.start(model=bundle)
    robot.wait_active()
    camera = robot.camera()
    sent = 0
    store = get_typestore(Stores.ROS2_JAZZY)
    with AnyReader([real_data / 'bags' / 'test_bag_sqlite3'], default_typestore=store) as reader:
        images = [c for c in reader.connections if c.msgtype == 'sensor_msgs/msg/Image']
        for _, _, raw in reader.messages(connections=images):
            camera.publish(bytes(raw))
            sent += 1
            robot.until(lambda sent=sent: robot.settled(sent), 'the account')

    assert sent > 0
    assert robot.count('rejected') == sent
    camera.publish(image(1))
    robot.until(lambda: robot.count('processed') == 1, 'a good frame')


def test_a_camera_may_change_size_and_encoding_and_restart(robot, bundle):
    robot.start(model=bundle, output_size='input')
    robot.listen(f'{NODE}/output/ood_mask', Image)
    masks = robot.heard[f'{NODE}/output/ood_mask']
    robot.wait_active()
    camera = robot.camera()
    robot.wait_for_listeners()

    sizes = [(120, 160), (48, 64), (97, 131)]
    for count, (height, width) in enumerate(sizes, start=1):
        camera.publish(image(count, height, width))
        robot.until(lambda count=count: len(masks) == count)
    grey = Image(encoding='mono8', height=30, width=40, step=40)
    grey.data = array.array('B', np.zeros(1200, np.uint8))
    camera.publish(grey)
    robot.until(lambda: len(masks) == 4)
    robot.node.destroy_publisher(camera)
    robot.until(lambda: not robot.hears(f'{NODE}/input/image'), 'the node to miss the camera')
    again = robot.camera()
    again.publish(image(1))
    robot.until(lambda: robot.settled(5), 'all five frames')

    assert [(mask.height, mask.width) for mask in masks[:4]] == [*sizes, (30, 40)]
    assert robot.count('lost') == 0
