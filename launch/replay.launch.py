"""Play a recorded bag into the node, and show the result in RViz."""

import os
from typing import Any

from ament_index_python.packages import get_package_share_directory
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    IncludeLaunchDescription,
    OpaqueFunction,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

from launch import LaunchDescription

SHARE = get_package_share_directory('flowenedet_ros')

ARGUMENTS = {
    'rate': ('1.0', 'How many times as fast as it was recorded.'),
    'loop': ('false', 'Begin anew at the end.'),
    'image': ('/camera/image_raw', 'Camera images in the bag.'),
    'camera_info': ('/camera/camera_info', 'CameraInfo in the bag.'),
    'input_transport': ('raw', 'raw or compressed: what the bag holds.'),
    'model': ('', 'Bundled model name or bundle folder; empty: as in the parameter file.'),
    'rviz': ('true', 'Start RViz.'),
}


def play(context: Any) -> list[ExecuteProcess]:
    """Play the bag with its own time on /clock."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ('bag', *ARGUMENTS)}
    command = ['ros2', 'bag', 'play', given['bag'], '--clock', '--rate', given['rate']]
    if given['loop'].lower() == 'true':
        command.append('--loop')
    return [ExecuteProcess(cmd=command, output='screen')]


def generate_launch_description() -> LaunchDescription:
    """Give the arguments, the node in simulated time, and the player."""
    passed_on = ('image', 'camera_info', 'input_transport', 'model', 'rviz')
    return LaunchDescription(
        [
            DeclareLaunchArgument('bag', description='Folder of a rosbag2 recording, or .mcap.'),
            *(
                DeclareLaunchArgument(name, default_value=default, description=description)
                for name, (default, description) in ARGUMENTS.items()
            ),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(
                    os.path.join(SHARE, 'launch', 'flowenedet.launch.py')
                ),
                launch_arguments={
                    'use_sim_time': 'true',
                    **{name: LaunchConfiguration(name) for name in passed_on},
                }.items(),
            ),
            OpaqueFunction(function=play),
        ]
    )
