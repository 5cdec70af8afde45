"""The outputs in types of vision_msgs, where `setup_vision_msgs.sh` has built that package."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from node.harness import image
from support.tiny_bundle import CLASSES

from flowenedet_ros.node.blobs import find_blobs
from flowenedet_ros.replay.environment import ros_environment

# A process of its own: the loader reads where libraries are when a process begins.
LISTENER = """
import json, rclpy
from node.harness import LATCHED
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray, LabelInfo, VisionInfo

def tell(kind, **content):
    print(json.dumps({'kind': kind, **content}), flush=True)

def label_info(message):
    classes = {item.class_id: item.class_name for item in message.class_map}
    tell('label_info', classes=classes, threshold=message.threshold)

def vision_info(message):
    tell('vision_info', method=message.method, location=message.database_location)

def picture(message):
    shape = [message.height, message.width]
    tell(message.encoding, shape=shape, data=bytes(message.data).hex())

def blobs(message):
    tell('blobs', stamp=message.header.stamp.sec, frame_id=message.header.frame_id, blobs=[
        [d.bbox.center.position.x, d.bbox.center.position.y, d.bbox.size_x, d.bbox.size_y,
         d.results[0].hypothesis.score, d.results[0].hypothesis.class_id]
        for d in message.detections])

rclpy.init()
node = rclpy.create_node('listener')
subscriptions = [
    node.create_subscription(VisionInfo, '/flowenedet/vision_info', vision_info, LATCHED),
    node.create_subscription(Image, '/flowenedet/output/ood_mask', picture, 10),
    node.create_subscription(Image, '/flowenedet/output/ood_score', picture, 10),
    node.create_subscription(Detection2DArray, '/flowenedet/output/ood_blobs', blobs, 10),
    # The last, so that a node which this hears has found the others too.
    node.create_subscription(LabelInfo, '/flowenedet/label_info', label_info, LATCHED),
]
rclpy.spin(node)
"""


@pytest.fixture(autouse=True)
def _vision_msgs(monkeypatch):
    """Let processes that are started from now on find vision_msgs."""
    folder = os.environ.get('FLOWENEDET_VISION_MSGS')
    if not folder:
        pytest.skip('no vision_msgs: see test/node/setup_vision_msgs.sh')
    installed = Path(folder).absolute() / 'install'
    site = next(installed.glob('lib/python3*/site-packages'))
    for name, place in (
        ('PYTHONPATH', site),
        ('LD_LIBRARY_PATH', installed / 'lib'),
        ('AMENT_PREFIX_PATH', installed),
    ):
        monkeypatch.setenv(name, f'{place}:{os.environ.get(name, "")}')


@pytest.fixture
def heard(robot):
    """Give a function that waits for the next message of a kind that the listener hears."""
    environment = ros_environment(robot.domain, log_folder=robot.folder / 'ros_log')
    path = os.pathsep.join([environment['PYTHONPATH'], *sys.path])
    process = subprocess.Popen(
        [sys.executable, '-c', LISTENER],
        env=environment | {'PYTHONPATH': path},
        stdout=subprocess.PIPE,
        text=True,
    )
    waiting = []

    def next_of(kind):
        while True:
            for index, message in enumerate(waiting):
                if message['kind'] == kind:
                    return waiting.pop(index)
            line = process.stdout.readline()
            assert line, 'the listener ended'
            waiting.append(json.loads(line))

    yield next_of
    process.terminate()
    process.communicate()


def pixels(message, dtype):
    return np.frombuffer(bytes.fromhex(message['data']), dtype).reshape(message['shape'])


def test_label_info_names_every_id_of_the_planner_mask(robot, bundle, heard):
    robot.start(model=bundle)
    robot.wait_active()
    info, vision = heard('label_info'), heard('vision_info')

    names = {str(index): name for index, name in enumerate(CLASSES)}
    assert info['classes'] == names | {'253': 'uncertain', '254': 'unknown_obstacle'}
    assert info['threshold'] == pytest.approx(0.5)
    manifest = yaml.safe_load((bundle / 'model.yaml').read_text())
    assert manifest['files']['model.onnx'] in vision['location']
    assert vision['method'].endswith(manifest['detector']['variant'])

    robot.set_parameter('operating_point', 'cautious')
    assert heard('label_info')['threshold'] == pytest.approx(0.3)


def test_unknown_objects_are_boxes_around_the_groups_of_the_mask(robot, bundle, heard):
    robot.start(model=bundle, blob_min_area=20)
    robot.wait_active()
    camera = robot.camera()
    heard('label_info')
    camera.publish(image(7, seed=4))
    blobs, mask, score = heard('blobs'), heard('mono8'), heard('32FC1')

    expected = find_blobs(pixels(mask, np.uint8), pixels(score, np.float32), 20)
    assert expected
    assert (blobs['stamp'], blobs['frame_id']) == (7, 'camera_optical')
    assert {blob.pop() for blob in blobs['blobs']} == {'unknown_obstacle'}
    np.testing.assert_allclose(blobs['blobs'], [
        [b.left + b.width / 2, b.top + b.height / 2, b.width, b.height, b.score] for b in expected
    ], rtol=1e-6)  # fmt: skip
