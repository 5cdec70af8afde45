"""Start the node with the environment and the parameters that belong to it."""

import os
from typing import Any

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchDescription

CONFIG = os.path.join(get_package_share_directory('flowenedet_ros'), 'config')

ARGUMENTS = {
    'namespace': ('', 'Namespace of the node.'),
    'node_name': ('flowenedet', 'Name of the node.'),
    'params_file': (
        os.path.join(CONFIG, 'flowenedet.param.yaml'),
        'Parameter file; the arguments below win over it.',
    ),
    'model': ('', 'Bundled model name or bundle folder; empty: as in the parameter file.'),
    'input_transport': ('', 'raw or compressed; empty: as in the parameter file.'),
    'autostart': ('', 'false leaves the states to a lifecycle manager; empty: as in the file.'),
    'use_sim_time': ('false', 'Take the time from /clock, as with `ros2 bag play --clock`.'),
    'image': (
        '/camera/image_raw',
        'Camera images; with compressed, the topic that ends in /compressed.',
    ),
    'camera_info': ('/camera/camera_info', 'CameraInfo of these images.'),
    'log_level': ('info', 'debug, info, warn, error or fatal.'),
    'rviz': ('false', 'Start RViz beside the node.'),
}
# Arguments that are parameters of the node where they are not empty.
AS_PARAMETERS = ('model', 'input_transport', 'autostart')


def environment() -> list[SetEnvironmentVariable]:
    """Read config/ros.env, without which Fast DDS loses camera images."""
    actions = []
    with open(os.path.join(CONFIG, 'ros.env'), encoding='utf-8') as lines:
        for line in lines:
            name, equals, value = line.strip().partition('=')
            if equals and not name.startswith('#'):
                value = value.replace('${CONFIG}', CONFIG)
                actions.append(SetEnvironmentVariable(name, os.environ.get(name, value)))
    return actions


def flowenedet(context: Any) -> list[Node]:
    """Start the node; only now the arguments have values."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    overrides: dict[str, object] = {'use_sim_time': given['use_sim_time'].lower() == 'true'}
    for name in AS_PARAMETERS:
        if given[name]:
            overrides[name] = given[name].lower() == 'true' if name == 'autostart' else given[name]
    return [
        Node(
            package='flowenedet_ros',
            executable='flowenedet_node',
            namespace=given['namespace'],
            name=given['node_name'],
            parameters=[given['params_file'], overrides],
            remappings=[
                ('~/input/image', given['image']),
                ('~/input/camera_info', given['camera_info']),
            ],
            arguments=['--ros-args', '--log-level', given['log_level']],
            output='screen',
        )
    ]


def generate_launch_description() -> LaunchDescription:
    """Give the arguments, the environment, the node, and RViz where it is asked for."""
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=description)
                for name, (default, description) in ARGUMENTS.items()
            ),
            *environment(),
            OpaqueFunction(function=flowenedet),
            Node(
                condition=IfCondition(LaunchConfiguration('rviz')),
                package='rviz2',
                executable='rviz2',
                name='rviz2',
                arguments=['-d', os.path.join(CONFIG, 'flowenedet.rviz')],
                parameters=[{'use_sim_time': LaunchConfiguration('use_sim_time')}],
            ),
        ]
    )
