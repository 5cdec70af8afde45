"""The report of the node: all that an operator asks for, once a second."""

import numpy as np
import yaml
from node.harness import NODE, image, pixels_of
from sensor_msgs.msg import Image
from std_msgs.msg import Float64

STAGES = ('wait', 'convert', 'pre', 'backend', 'post', 'publish')


def test_the_report_tells_what_came_what_became_of_it_and_what_runs(robot, bundle):
    robot.start(model=bundle, backend='onnxruntime', precision='fp32')
    masks = {}
    for name in ('idm', 'ood'):
        robot.listen(f'{NODE}/output/{name}_mask', Image)
        masks[name] = robot.heard[f'{NODE}/output/{name}_mask']
    robot.listen(f'{NODE}/debug/processing_time_ms', Float64)
    times = robot.heard[f'{NODE}/debug/processing_time_ms']
    robot.wait_active()
    camera = robot.camera()
    robot.wait_for_listeners()

    now = image(1, seed=3)
    now.header.stamp = robot.node.get_clock().now().to_msg()
    camera.publish(now)
    robot.until(lambda: robot.count('processed') == 1, 'the frame')
    robot.until(lambda: times and all(masks.values()), 'its masks and its time')

    manifest = yaml.safe_load((bundle / 'model.yaml').read_text())
    assert robot.value('model_sha256') == manifest['files']['model.onnx']
    assert (robot.value('backend'), robot.value('precision')) == ('onnxruntime', 'fp32')
    assert 'onnxruntime' in robot.value('engine')
    assert 10 < float(robot.value('memory_mb')) < 10_000
    for name, heard in masks.items():
        share = np.mean(pixels_of(heard[0]) > 0)
        assert 0 < share < 1
        assert abs(float(robot.value(f'{name}_share')) - share) < 0.001
    assert times[0].data > 0
    figures = {key: float(robot.value(key)) for key in (
        *(f'stage_{stage}_ms' for stage in STAGES), 'total_ms', 'age_p50_ms', 'age_p95_ms'
    )}  # fmt: skip
    assert all(figure >= 0 for figure in figures.values())
    # The way from the camera to the callback is in the age alone.
    assert figures['age_p95_ms'] >= figures['total_ms']
    assert robot.settled(1)


def test_reports_come_once_a_second(robot, bundle):
    robot.start(model=bundle)
    robot.wait_active()
    reports = robot.heard['/diagnostics']
    first = len(reports)
    robot.until(lambda: len(reports) >= first + 5, 'five reports')

    stamps = [report.header.stamp for report in reports[first:]]
    gaps = np.diff([stamp.sec + 1e-9 * stamp.nanosec for stamp in stamps])
    assert 0.9 < np.median(gaps) < 2.0


def test_frames_are_accounted_for_when_the_node_is_deactivated_amid_them(robot, bundle):
    robot.start(model=bundle)
    robot.wait_active()
    camera = robot.camera()
    for stamp in range(1, 100):
        camera.publish(image(stamp))
        if stamp == 50:
            assert robot.transition('deactivate')
    robot.until(lambda: robot.state_is('inactive') and robot.count('pending') == 0, 'the end')

    received = robot.count('received')
    assert received <= 50
    assert robot.count('processed') + robot.count('dropped') == received
