"""A camera stream becomes masks: content, headers, and an account of every frame."""

import numpy as np
from node.harness import NODE, image, pixels_of
from sensor_msgs.msg import Image
from support.tiny_bundle import smooth_image

from flowenedet_ros.inference import load_bundle

MASKS = ('segmentation', 'idm_mask', 'ood_mask')
SCORES = ('idm_score', 'ood_score')


def outputs(robot, *names):
    for name in names:
        robot.listen(f'{NODE}/output/{name}', Image)
    return {name: robot.heard[f'{NODE}/output/{name}'] for name in names}


def test_masks_and_scores_are_those_of_the_model(robot, bundle):
    robot.start(model=bundle, backend='onnxruntime', precision='fp32')
    heard = outputs(robot, *MASKS, *SCORES)
    robot.wait_active()
    camera = robot.camera()
    robot.until(lambda: robot.node.count_publishers(f'{NODE}/output/ood_score') == 1)

    camera.publish(image(stamp=12, seed=3))
    robot.until(lambda: all(heard.values()), 'every output')

    with load_bundle(bundle, 'onnxruntime', 'fp32') as model:
        expected = model.run(smooth_image(120, 160, 3))
    for name in MASKS:
        message = heard[name][0]
        assert message.encoding == 'mono8'
        np.testing.assert_array_equal(pixels_of(message), {
            'segmentation': expected.labels,
            'idm_mask': expected.idm_mask,
            'ood_mask': expected.ood_mask,
        }[name])  # fmt: skip
    for name, score in zip(SCORES, (expected.idm_score, expected.ood_score), strict=True):
        assert heard[name][0].encoding == '32FC1'
        np.testing.assert_allclose(pixels_of(heard[name][0], np.float32), score, atol=1e-5)
    headers = [messages[0].header for messages in heard.values()]
    assert {(header.stamp.sec, header.frame_id) for header in headers} == {(12, 'camera_optical')}
