"""The node's states, its end, and what it says when it cannot start."""

import signal

import pytest
from diagnostic_msgs.srv import SelfTest
from node.harness import NODE, image
from sensor_msgs.msg import Image
from support.tiny_bundle import write_tiny_bundle

ACTIVE_TOPIC = f'{NODE}/input/image'


def test_a_walk_through_all_states(robot, bundle):
    node = robot.start(model=bundle, autostart='false')
    robot.until(lambda: robot.state_is('unconfigured'), 'the unconfigured node')
    robot.listen(f'{NODE}/output/ood_mask', Image)
    masks = robot.heard[f'{NODE}/output/ood_mask']

    for _ in range(2):  # a second time, as after a cleanup on the robot
        assert robot.transition('configure')
        assert robot.state() == 'inactive'
        assert robot.node.count_subscribers(ACTIVE_TOPIC) == 0
        assert robot.transition('activate')
        assert robot.state() == 'active'
        camera = robot.camera()
        heard = len(masks)
        robot.wait_for_listeners()
        camera.publish(image(1))
        robot.until(lambda heard=heard: len(masks) > heard, 'a mask')
        robot.node.destroy_publisher(camera)
        assert robot.transition('deactivate')
        robot.until(lambda: robot.node.count_subscribers(ACTIVE_TOPIC) == 0)
        assert robot.transition('cleanup')
        assert robot.state() == 'unconfigured'
        robot.until(lambda: robot.node.count_publishers(f'{NODE}/output/ood_mask') == 0)

    assert robot.transition('shutdown')
    assert robot.state() == 'finalized'
    assert node.process.poll() is None


def test_cleanup_gives_the_memory_back(robot, tmp_path):
    wide = write_tiny_bundle(tmp_path / 'wide', height=720, width=1280, slow_convolutions=1)
    robot.start(model=wide, autostart='false', backend='onnxruntime')
    robot.until(lambda: robot.state_is('unconfigured'), 'the unconfigured node')
    loaded, cleaned = [], []

    for _ in range(6):
        assert robot.transition('configure')
        assert robot.transition('activate')
        robot.wait_active()
        loaded.append(float(robot.value('memory_mb')))
        assert robot.transition('deactivate')
        assert robot.transition('cleanup')
        robot.until(lambda: robot.state_is('unconfigured'))
        cleaned.append(float(robot.value('memory_mb')))

    assert min(cleaned) < loaded[0] - 50
    # The allocator keeps some pages now and then; what leaks stays in every cycle after it.
    assert min(cleaned[3:]) < min(cleaned[:3]) + 10


def test_a_failed_configuration_can_be_repaired_and_repeated(robot, tmp_path):
    folder = tmp_path / 'late'
    robot.start(model=folder, autostart='false')
    robot.until(lambda: robot.state_is('unconfigured'), 'the unconfigured node')

    assert not robot.transition('configure')
    assert robot.state() == 'unconfigured'
    write_tiny_bundle(folder)
    assert robot.transition('configure')
    assert robot.state() == 'inactive'


def test_an_unexpected_error_leaves_a_node_that_can_be_configured_again(robot, bundle):
    override = f'qos_overrides.{ACTIVE_TOPIC}.subscription.reliability:=sometimes'
    node = robot.start('-p', override, model=bundle, autostart='false')
    robot.until(lambda: robot.state_is('unconfigured'), 'the unconfigured node')
    assert robot.transition('configure')

    assert not robot.transition('activate')
    assert robot.state() == 'unconfigured'
    robot.until(lambda: robot.levels['flowenedet', 'inference'] == 2, 'the report')
    assert 'sometimes' in node.output()
    assert robot.transition('configure')
    assert robot.state() == 'inactive'


def test_a_cache_folder_that_cannot_be_written_is_named_and_keeps_nothing(robot, bundle, tmp_path):
    # A file in the folder's place: even root, who ignores permissions, cannot write there.
    (tmp_path / 'taken').write_text('')
    node = robot.start(model=bundle, engine_cache=tmp_path / 'taken' / 'engines')
    robot.wait_active()
    complaint = f'engine_cache {tmp_path / "taken" / "engines"} cannot be written'

    robot.until(lambda: complaint in robot.messages['flowenedet', 'inference'], 'the warning')
    assert complaint in node.output()
    robot.camera().publish(image(1))
    robot.until(lambda: robot.count('processed') == 1, 'a frame')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_signals_end_the_node_cleanly_in_the_middle_of_a_frame(robot, tmp_path, number):
    # A frame must take longer than the 0.2 s between two looks, or no report finds one in work.
    slow = write_tiny_bundle(tmp_path / 'slow', height=480, width=640, slow_convolutions=60)
    node = robot.start(model=slow, backend='onnxruntime', warm_up_runs=0, self_test='false')
    robot.wait_active()
    camera = robot.camera()

    def busy():
        camera.publish(image(1))
        return robot.count('pending') > 0

    robot.until(busy, 'a frame in work')

    code, seconds = node.stop(number)

    assert code == 0, node.output()
    assert 'Traceback' not in node.output()
    # Two seconds are promised; a busy machine gets some more.
    assert seconds < 5


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_signals_end_an_idle_node_cleanly(robot, bundle, number):
    node = robot.start(model=bundle)
    robot.wait_active()

    assert node.stop(number)[0] == 0, node.output()
    assert 'Traceback' not in node.output()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_signals_end_a_starting_node_cleanly(robot, tmp_path, number):
    slow = write_tiny_bundle(tmp_path / 'slow', height=480, width=640, slow_convolutions=6)
    node = robot.start(model=slow, backend='onnxruntime', warm_up_runs=100)
    robot.until(
        lambda: robot.value('state') not in (None, 'unconfigured', 'active'), 'a transition'
    )

    assert node.stop(number)[0] == 0, node.output()
    assert 'Traceback' not in node.output()


def test_a_missing_model_is_named_and_ends_the_node(robot, tmp_path):
    node = robot.start(model=tmp_path / 'nowhere')

    assert node.wait() == 1
    assert f'no model `{tmp_path / "nowhere"}`' in node.output()
    assert 'Traceback' not in node.output()


@pytest.mark.parametrize(('file', 'content', 'complaint'), [
    ('model.onnx', b'not a graph', 'model.onnx is not the file that model.yaml describes'),
    ('self_test.npz', b'', 'self_test.npz is not the file'),
    ('model.yaml', b'format: [', 'model.yaml cannot be read as YAML'),
    ('model.yaml', b'format: 1', '`classes` is missing'),
])  # fmt: skip
def test_a_broken_model_is_named_and_ends_the_node(robot, tmp_path, file, content, complaint):
    folder = write_tiny_bundle(tmp_path / 'tiny')
    (folder / file).write_bytes(content)
    node = robot.start(model=folder)

    assert node.wait() == 1
    assert complaint in node.output()
    assert 'Traceback' not in node.output()


def test_a_model_that_answers_otherwise_than_stored_is_refused(robot, tmp_path):
    folder = write_tiny_bundle(tmp_path / 'tiny')
    other = write_tiny_bundle(tmp_path / 'other', slow_convolutions=1)
    _exchange(folder, other, 'model.onnx')
    node = robot.start(model=folder)

    assert node.wait() == 1
    assert 'self-test failed' in node.output()


def test_the_self_test_can_be_asked_for_while_frames_come(robot, bundle):
    robot.start(model=bundle)
    robot.wait_active()
    camera = robot.camera()
    camera.publish(image(1))

    answer = robot.call(f'{NODE}/self_test', SelfTest, SelfTest.Request())

    assert answer.passed == b'\x01'
    assert answer.id == str(bundle)
    assert 'labels agree on' in answer.status[0].message
    camera.publish(image(2))
    robot.until(lambda: robot.count('processed') + robot.count('dropped') == 2)


def test_two_nodes_on_one_machine_do_not_disturb_each_other(robot, bundle):
    first = robot.start('-r', '__ns:=/left', model=bundle)
    second = robot.start('-r', '__node:=other', '-r', 'other/input/image:=/cam', model=bundle)
    robot.wait_active(first, '/left/flowenedet')
    robot.wait_active(second, '/other')

    robot.camera('/left/flowenedet/input/image').publish(image(1))

    robot.until(lambda: robot.count('processed', '/left/flowenedet') == 1)
    assert robot.count('received', '/other') == 0
    assert robot.value('topic', '/other') == '/cam'


def _exchange(folder, other, name):
    """Take a file of another bundle, as if it had been exported so."""
    import hashlib

    import yaml

    (folder / name).write_bytes((other / name).read_bytes())
    manifest = yaml.safe_load((folder / 'model.yaml').read_text())
    manifest['files'][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / 'model.yaml').write_text(yaml.safe_dump(manifest))
