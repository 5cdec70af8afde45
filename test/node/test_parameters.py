"""Parameters: described, checked, changed live where that is safe, and complete in the YAML."""

from pathlib import Path

import pytest
import yaml
from node.harness import NODE, image, pixels_of
from rcl_interfaces.srv import DescribeParameters, ListParameters
from sensor_msgs.msg import Image

from flowenedet_ros.node.parameter_specs import SPECS
from flowenedet_ros.node.parameter_table import markdown_table

PARAM_YAML = Path(__file__).resolve().parents[2] / 'config' / 'flowenedet.param.yaml'


def test_the_yaml_holds_every_parameter_with_its_default():
    content = yaml.safe_load(PARAM_YAML.read_text())

    assert content == {'/**': {'ros__parameters': {spec.name: spec.default for spec in SPECS}}}


def test_every_parameter_is_described(robot, bundle):
    robot.start(model=bundle, autostart='false')
    robot.until(lambda: robot.state_is('unconfigured'))
    listed = robot.call(f'{NODE}/list_parameters', ListParameters, ListParameters.Request())
    names = [spec.name for spec in SPECS]
    assert set(names) <= set(listed.result.names)

    request = DescribeParameters.Request(names=names)
    described = robot.call(f'{NODE}/describe_parameters', DescribeParameters, request)

    for spec, descriptor in zip(SPECS, described.descriptors, strict=True):
        assert descriptor.description == spec.description
        assert descriptor.read_only != spec.live
        ranges = len(descriptor.floating_point_range) + len(descriptor.integer_range)
        assert ranges == (spec.minimum is not None)


def test_the_yaml_starts_the_node_and_unknown_parameters_are_reported(robot, bundle, tmp_path):
    content = yaml.safe_load(PARAM_YAML.read_text())
    content['/**']['ros__parameters'] |= {'model': str(bundle), 'ood_treshold': 0.3, 'zzz': 1}
    file = tmp_path / 'robot.param.yaml'
    file.write_text(yaml.safe_dump(content))
    robot.start('--params-file', str(file))
    robot.wait_active()

    message = robot.messages['flowenedet', 'inference']
    assert 'unknown parameter ood_treshold (did you mean ood_threshold?)' in message
    assert 'unknown parameter zzz' in message
    assert robot.levels['flowenedet', 'inference'] == 1


def test_thresholds_and_operating_point_change_live(robot, bundle):
    robot.start(model=bundle)
    robot.listen(f'{NODE}/output/ood_mask', Image)
    masks = robot.heard[f'{NODE}/output/ood_mask']
    robot.wait_active()
    camera = robot.camera()
    robot.wait_for_listeners()

    def marked():
        heard = len(masks)
        camera.publish(image(1))
        robot.until(lambda: len(masks) > heard)
        return int((pixels_of(masks[-1]) > 0).sum())

    balanced = marked()
    assert robot.set_parameter('operating_point', 'cautious').successful
    cautious = marked()
    assert robot.set_parameter('ood_threshold', 1.0).successful
    assert marked() < balanced < cautious
    assert robot.set_parameter('ood_threshold', -1.0).successful
    assert marked() == cautious


def test_a_bad_change_is_refused_with_the_reason(robot, bundle):
    robot.start(model=bundle, self_test='false', warm_up_runs=0)
    robot.wait_active()

    for name, value, reason in (
        ('ood_threshold', 1.5, 'out of range'),
        ('ood_threshold', -0.5, 'expected 0 to 1, or -1'),
        ('ood_threshold', 'high', 'Wrong parameter type'),
        ('operating_point', 'bold', 'expected one of: cautious, balanced, permissive'),
        ('model', 'other', 'read-only'),
        ('max_image_age', 1.0, 'read-only'),
        ('modle', 'other', 'undeclared'),
    ):
        result = robot.set_parameter(name, value)
        assert not result.successful
        assert reason in result.reason


@pytest.mark.parametrize(('parameter', 'value', 'complaint'), [
    ('idm_threshold', '.nan', 'idm_threshold'),
    ('max_image_age', '.inf', 'max_image_age'),
    ('max_image_age', '-1.0', 'out of range'),
    ('operating_point', 'bold', "operating_point is 'bold'; expected one of"),
    ('input_transport', 'theora', 'expected one of: raw, compressed'),
    ('model', '4', 'expecting type'),
    ('cameras', '[front, "rear view"]', "'rear view'; expected letters"),
    ('cameras', '[front, front]', 'names one twice'),
])  # fmt: skip
def test_a_bad_start_value_ends_the_node_with_the_reason(
    robot, bundle, parameter, value, complaint
):
    node = robot.start('-p', f'{parameter}:={value}')

    assert node.wait() == 2
    assert complaint in node.output()
    assert 'Traceback' not in node.output()


def test_a_bad_ego_mask_ends_the_node_with_the_reason(robot, bundle, tmp_path):
    node = robot.start('-p', f'ego_masks:=[{tmp_path / "nothing.png"}]', model=bundle)

    assert node.wait() == 1
    assert 'nothing.png cannot be read; expected a PNG picture' in node.output()


def test_qos_of_a_topic_can_be_overridden(robot, bundle):
    topic = f'{NODE}/output/ood_mask'
    robot.start('-p', f'qos_overrides.{topic}.publisher.reliability:=best_effort', model=bundle)
    robot.wait_active()

    infos = robot.node.get_publishers_info_by_topic(topic)

    assert [info.qos_profile.reliability.name for info in infos] == ['BEST_EFFORT']
    assert 'unknown parameter' not in robot.messages['flowenedet', 'inference']


def test_the_readme_has_the_table_of_the_declarations():
    readme = Path(__file__).resolve().parents[2] / 'README.md'

    assert markdown_table() in readme.read_text()
