"""The launch files: read as data, and executed where an implementation of launch is there."""

import ast
import os
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from node.harness import Robot
from support.tiny_bundle import write_tiny_bundle

from flowenedet_ros.node.parameter_specs import BY_NAME
from flowenedet_ros.replay.environment import read_environment

REPOSITORY = Path(__file__).resolve().parents[2]
LAUNCH, CONFIG = REPOSITORY / 'launch', REPOSITORY / 'config'
SHARE = '$(find-pkg-share flowenedet_ros)'
GIVEN = {'namespace': 'robot', 'image': '/front/image', 'camera_info': '/front/info'}


def python_arguments(name):
    """Give {argument: (default, description)} as the file's ARGUMENTS literal says."""
    tree = ast.parse((LAUNCH / name).read_text())
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and statement.targets[0].id == 'ARGUMENTS':
            return {
                ast.literal_eval(key): [
                    item.value if isinstance(item, ast.Constant) else ast.unparse(item)
                    for item in value.elts
                ]
                for key, value in zip(statement.value.keys, statement.value.values, strict=True)
            }
    raise AssertionError(f'{name} has no ARGUMENTS')


def xml_node():
    return ElementTree.parse(LAUNCH / 'flowenedet.launch.xml').getroot()


@pytest.mark.parametrize('name', ['flowenedet.launch.py', 'replay.launch.py'])
def test_every_argument_has_a_description(name):
    for argument, (_, description) in python_arguments(name).items():
        assert description.endswith('.'), argument


def test_arguments_that_become_parameters_are_parameters():
    tree = ast.parse((LAUNCH / 'flowenedet.launch.py').read_text())
    names = next(
        ast.literal_eval(statement.value)
        for statement in tree.body
        if isinstance(statement, ast.Assign) and statement.targets[0].id == 'AS_PARAMETERS'
    )
    assert set(names) <= set(BY_NAME)


def test_the_xml_form_agrees_with_the_python_form():
    python = python_arguments('flowenedet.launch.py')
    for argument in xml_node().findall('arg'):
        default, _ = python[argument.get('name')]
        if argument.get('name') == 'model':
            default = BY_NAME['model'].default  # XML cannot leave a parameter out
        if argument.get('name') != 'params_file':
            assert argument.get('default') == default
        assert argument.get('description')


def test_the_xml_form_sets_the_shared_environment():
    given = {
        e.get('name'): e.get('value').replace(SHARE, str(REPOSITORY))
        for e in xml_node().findall('set_env')
    }

    assert given == read_environment(CONFIG / 'ros.env')


@pytest.fixture
def robot(tmp_path):
    robot = Robot(tmp_path)
    yield robot
    robot.close()


def assert_runs_as_meant(robot, arguments, node='/robot/flowenedet'):
    robot.start(*arguments)
    robot.wait_active(node=node)
    assert robot.value('topic', node) == '/front/image'


def test_the_node_takes_what_the_xml_form_gives_it(robot, tmp_path):
    bundle = write_tiny_bundle(tmp_path / 'tiny')
    values = {a.get('name'): a.get('default') for a in xml_node().findall('arg')}
    values |= GIVEN | {'model': str(bundle), '': ''}

    def expand(text):
        for name, value in values.items():
            text = text.replace(f'$(var {name})', value)
        return text.replace(SHARE, str(REPOSITORY))

    node = xml_node().find('node')
    values['params_file'] = expand(values['params_file'])
    words = ['-r', f'__ns:=/{expand(node.get("namespace"))}']
    words += ['-r', f'__node:={expand(node.get("name"))}']
    for param in node.findall('param'):
        if param.get('from'):
            words += ['--params-file', expand(param.get('from'))]
        else:
            words += ['-p', f'{param.get("name")}:={expand(param.get("value"))}']
    for remap in node.findall('remap'):
        words += ['-r', f'{remap.get("from")}:={expand(remap.get("to"))}']

    assert_runs_as_meant(robot, [*words, *expand(node.get('args')).split()])


# Executed by play_launch's implementation of the launch API, not by that of ROS itself.


@pytest.fixture(scope='module')
def resolve(tmp_path_factory):
    """Give a function that executes a launch file and gives what it would start."""
    program = os.environ.get('FLOWENEDET_PLAY_LAUNCH')
    if not program:
        pytest.skip('no play_launch: see test/launch/setup_play_launch.sh')
    folder = tmp_path_factory.mktemp('resolved')
    share = folder / 'prefix' / 'share'
    (share / 'ament_index/resource_index/packages').mkdir(parents=True)
    (share / 'ament_index/resource_index/packages/flowenedet_ros').touch()
    (share / 'flowenedet_ros').mkdir()
    for part in (CONFIG, LAUNCH):
        (share / 'flowenedet_ros' / part.name).symlink_to(part)
    executable = folder / 'prefix' / 'lib' / 'flowenedet_ros' / 'flowenedet_node'
    executable.parent.mkdir(parents=True)
    executable.touch(0o755)

    def run(name, **arguments):
        output = folder / f'{name}.yaml'
        words = [f'{key}:={value}' for key, value in arguments.items()]
        environment = os.environ | {'AMENT_PREFIX_PATH': str(folder / 'prefix')}
        for variable in read_environment(CONFIG / 'ros.env'):
            environment.pop(variable, None)
        subprocess.run(
            [program, 'dump', '-o', output, 'launch', str(LAUNCH / name), *words],
            env=environment,
            check=True,
            cwd=folder,
        )
        return yaml.safe_load(output.read_text())['structure']['nodes']

    return run


@pytest.mark.parametrize('name', ['flowenedet.launch.py', 'flowenedet.launch.xml'])
def test_executed_launch_file_starts_the_node_as_meant(robot, resolve, tmp_path, name):
    bundle = write_tiny_bundle(tmp_path / 'tiny')

    node = resolve(name, model=bundle, **GIVEN)['/robot/flowenedet']

    assert (node['pkg'], node['exec']) == ('flowenedet_ros', 'flowenedet_node')
    variables = {item['name']: Path(item['value']).name for item in node['env']}
    shared = read_environment(CONFIG / 'ros.env')
    assert variables == {key: Path(value).name for key, value in shared.items()}
    file = tmp_path / 'launched.yaml'
    file.write_text(node['params_files'][0])
    words = ['-r', '__ns:=/robot', '--params-file', str(file)]
    for key, value in node['params'].items():
        words += ['-p', f'{key}:={yaml.safe_dump(value).splitlines()[0]}']
    for remap in node['remaps']:
        words += ['-r', f'{remap["from"]}:={remap["to"]}']
    assert_runs_as_meant(robot, [*words, *node['args'][1:]])


def test_executed_launch_file_lets_the_parameter_file_speak(resolve):
    node = resolve('flowenedet.launch.py', autostart='false')['/flowenedet']

    assert node['params'] == {'autostart': False, 'use_sim_time': False}


def test_executed_replay_plays_the_bag_into_the_node_in_its_own_time(resolve):
    nodes = resolve('replay.launch.py', bag='/bags/street', rate='2.0', loop='true', **GIVEN)

    assert nodes['/ros2']['args'] == [
        *('bag', 'play', '/bags/street', '--clock', '--rate', '2.0', '--loop')
    ]
    node = next(value for key, value in nodes.items() if key.endswith('/flowenedet'))
    assert node['params']['use_sim_time'] is True
    assert nodes['/rviz2']['params']['use_sim_time'] is True
    assert {'from': '~/input/image', 'to': '/front/image'} in node['remaps']
