import os
import subprocess
import sys
from pathlib import Path

import pytest

from flowenedet_ros.replay.environment import (
    config_folder,
    read_environment,
    ros_environment,
)
from flowenedet_ros.replay.errors import ReplayError

REPOSITORY = Path(__file__).resolve().parents[2]


def test_variables_name_files_that_exist() -> None:
    values = read_environment(config_folder() / 'ros.env')
    assert Path(values['FASTRTPS_DEFAULT_PROFILES_FILE']).is_file()
    assert int(values['MALLOC_MMAP_THRESHOLD_']) > 1920 * 1080 * 3


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / 'ros.env'
    file.write_text('# comment\n\nA=1\nnonsense\n')
    with pytest.raises(ReplayError, match=r'ros.env:4: .*nonsense'):
        read_environment(file)


def test_discovery_stays_on_this_machine_whatever_the_caller_had() -> None:
    given = {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET', 'HOME': '/root'}
    values = ros_environment(base=given)
    assert values['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'
    assert 1 <= int(values['ROS_DOMAIN_ID']) <= 101
    assert values['HOME'] == '/root'


def test_the_caller_s_own_choices_are_kept() -> None:
    given = {
        'ROS_DOMAIN_ID': '7',
        'RMW_IMPLEMENTATION': 'rmw_cyclonedds_cpp',
        'FASTRTPS_DEFAULT_PROFILES_FILE': '/mine.xml',
        'AMENT_PREFIX_PATH': '/opt/ros/jazzy',
    }
    values = ros_environment(base=given)
    for key in ('ROS_DOMAIN_ID', 'RMW_IMPLEMENTATION', 'FASTRTPS_DEFAULT_PROFILES_FILE'):
        assert values[key] == given[key]
    assert values['AMENT_PREFIX_PATH'].split(os.pathsep)[-1] == '/opt/ros/jazzy'


def test_make_gives_processes_the_same_variables() -> None:
    script = 'import os, json; print(json.dumps(dict(os.environ)))'
    makefile = f"include Makefile\nshow-environment:\n\t@{sys.executable} -c '{script}'\n"
    shown = subprocess.run(
        ['make', '-s', '-f', '-', 'show-environment'],
        input=makefile,
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=True,
    )
    for key, value in read_environment(REPOSITORY / 'config' / 'ros.env').items():
        assert f'"{key}": "{value}"' in shown.stdout
    assert '"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"' in shown.stdout
