"""Several cameras in one process, and what the vehicle sees of itself."""

import cv2
import numpy as np
from node.harness import NODE, image, pixels_of
from sensor_msgs.msg import Image
from support.tiny_bundle import smooth_image, write_tiny_bundle

from flowenedet_ros.inference import load_bundle

CAMERAS = ('front', 'left', 'rear')
# The node as it is, but for a line about each call of the model.
TELLS_BATCHES = """
import sys
from flowenedet_ros.node.main import main
from flowenedet_ros.node.supervised_model import SupervisedModel
run = SupervisedModel.run
def tell_and_run(self, images):
    print('a batch of', len(images))
    return run(self, images)
SupervisedModel.run = tell_and_run
sys.exit(main())
"""


def start(robot, model, **parameters):
    robot.start('-p', f'cameras:=[{", ".join(CAMERAS)}]', model=model, **parameters)
    masks = {}
    for name in CAMERAS:
        topic = f'{NODE}/{name}/output/ood_mask'
        robot.listen(topic, Image)
        masks[name] = robot.heard[topic]
    robot.wait_active()
    cameras = {name: robot.camera(f'{NODE}/{name}/input/image') for name in CAMERAS}
    robot.wait_for_listeners()
    return cameras, masks


def counters(robot, name):
    reports = robot.heard['/diagnostics'][-1:]
    for status in (status for report in reports for status in report.status):
        if status.name == f'flowenedet: frames {name}':
            return {pair.key: pair.value for pair in status.values}
    return {}


def test_every_camera_keeps_its_stamps_frames_and_counts(robot, bundle):
    cameras, masks = start(robot, bundle, backend='onnxruntime')

    for stamp in range(1, 4):
        for place, (name, camera) in enumerate(cameras.items()):
            size = (120, 160) if name != 'rear' else (60, 80)
            camera.publish(image(10 * place + stamp, *size, frame_id=name))
        robot.until(lambda stamp=stamp: all(len(heard) == stamp for heard in masks.values()))

    for place, name in enumerate(CAMERAS):
        headers = [mask.header for mask in masks[name]]
        assert [header.stamp.sec for header in headers] == [10 * place + i for i in (1, 2, 3)]
        assert {header.frame_id for header in headers} == {name}
        robot.until(lambda name=name: counters(robot, name).get('processed') == '3')


def test_a_fast_camera_does_not_starve_a_slow_one(robot, tmp_path):
    slow = write_tiny_bundle(tmp_path / 'slow', height=192, width=256, slow_convolutions=4)
    cameras, masks = start(robot, slow, backend='onnxruntime')

    for stamp in range(1, 6):
        cameras['left'].publish(image(stamp))

        def answered(stamp=stamp):
            cameras['front'].publish(image(1))
            return len(masks['left']) == stamp

        robot.until(answered, 'the slow camera')

    assert [mask.header.stamp.sec for mask in masks['left']] == [1, 2, 3, 4, 5]
    assert masks['front']


def test_frames_that_wait_together_are_run_together_and_come_out_apart(robot, tmp_path):
    robot.program = TELLS_BATCHES
    slow = write_tiny_bundle(tmp_path / 'slow', height=192, width=256, slow_convolutions=4)
    cameras, masks = start(robot, slow, backend='onnxruntime', precision='fp32')
    pictures = {name: smooth_image(120, 160, seed) for seed, name in enumerate(CAMERAS)}

    def all_at_once():
        for stamp, (name, camera) in enumerate(cameras.items(), start=1):
            camera.publish(image(stamp, pixels=pictures[name]))
        return 'a batch of 3' in robot.processes[0].output() and all(masks.values())

    robot.until(all_at_once, 'a batch of all cameras')
    with load_bundle(slow, 'onnxruntime', 'fp32') as model:
        for stamp, name in enumerate(CAMERAS, start=1):
            expected = model.run(pictures[name]).ood_mask
            assert {mask.header.stamp.sec for mask in masks[name]} == {stamp}
            for mask in masks[name]:
                np.testing.assert_array_equal(pixels_of(mask), expected)


def test_the_ego_vehicle_is_left_out(robot, bundle, tmp_path):
    picture = np.zeros((60, 80), np.uint8)
    picture[45:] = 255
    cv2.imwrite(str(tmp_path / 'ego.png'), picture)
    robot.start(
        *('-p', f'ego_masks:=[{tmp_path / "ego.png"}]'),
        model=bundle,
        ood_threshold=0.0,
        backend='onnxruntime',
    )
    names = ('segmentation', 'ood_mask', 'planner_mask')
    for name in names:
        robot.listen(f'{NODE}/output/{name}', Image)
    robot.wait_active()
    camera = robot.camera()
    robot.wait_for_listeners()
    camera.publish(image(1))
    robot.until(lambda: all(robot.heard[f'{NODE}/output/{name}'] for name in names))
    labels, ood, planner = (pixels_of(robot.heard[f'{NODE}/output/{n}'][0]) for n in names)

    own = labels.shape[0] * 3 // 4
    assert set(labels[own:].ravel()) == set(planner[own:].ravel()) == {255}
    assert set(ood[own:].ravel()) == {0}
    assert set(ood[:own].ravel()) == {255}
