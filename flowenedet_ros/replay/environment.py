"""The environment of every process that speaks ROS here, from `config/ros.env`."""

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from flowenedet_ros.replay.domains import claim_domain
from flowenedet_ros.replay.errors import ReplayError

PACKAGE = 'flowenedet_ros'


def config_folder() -> Path:
    """Find the folder of `ros.env`: in the source tree, or where the package is installed.

    :raises ReplayError: neither is there.
    """
    for folder in Path(__file__).resolve().parents:
        for candidate in (folder / 'config', folder / 'share' / PACKAGE / 'config'):
            if (candidate / 'ros.env').is_file():
                return candidate
    raise ReplayError('config/ros.env of flowenedet_ros was not found: run `colcon build`')


def read_environment(file: Path) -> dict[str, str]:
    """Read KEY=VALUE lines; `${CONFIG}` stands for the folder that holds the file.

    :raises ReplayError: a line is neither empty, a comment, nor KEY=VALUE.
    """
    values = {}
    for number, line in enumerate(file.read_text(encoding='utf-8').splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith('#'):
            continue
        key, equals, value = text.partition('=')
        if not equals or not key.isidentifier():
            raise ReplayError(f'{file}:{number}: expected KEY=VALUE, found {text!r}')
        values[key] = value.replace('${CONFIG}', str(file.parent))
    return values


def ros_environment(
    domain_id: int | None = None,
    log_folder: Path | None = None,
    base: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Give the environment of a process that talks to others on this machine only.

    What the caller's environment already says about the middleware is kept, but discovery never
    leaves this machine: a development run must not reach a robot on the same network.

    :param domain_id: DDS domain; without it the caller's, else one that is claimed now.
    :param log_folder: where ROS logs go; without it the caller's, else `log` in the home folder.
    :param base: the environment to add to; without it this process's.
    """
    environment = dict(os.environ if base is None else base)
    for key, value in read_environment(config_folder() / 'ros.env').items():
        environment.setdefault(key, value)
    environment.setdefault('RMW_IMPLEMENTATION', 'rmw_fastrtps_cpp')
    environment['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    if domain_id is not None:
        environment['ROS_DOMAIN_ID'] = str(domain_id)
    elif 'ROS_DOMAIN_ID' not in environment:
        environment['ROS_DOMAIN_ID'] = str(claim_domain())
    if log_folder is not None:
        environment['ROS_LOG_DIR'] = str(log_folder)
    environment['AMENT_PREFIX_PATH'] = os.pathsep.join(
        _unique([*_install_prefixes(), *environment.get('AMENT_PREFIX_PATH', '').split(os.pathsep)])
    )
    return environment


def node_executable() -> Path:
    """Find the installed node, where `ros2 run` would.

    :raises ReplayError: the package has not been built.
    """
    places = [prefix / 'lib' / PACKAGE / 'flowenedet_node' for prefix in _prefix_paths()]
    for place in places:
        if place.is_file():
            return place
    raise ReplayError('the node is not built: run `make setup`, or `colcon build` on a robot')


def _prefix_paths() -> list[Path]:
    named = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
    return [Path(prefix) for prefix in _unique([*_install_prefixes(), *named])]


def _install_prefixes() -> list[str]:
    source = config_folder().parent
    candidates = [source / 'install' / PACKAGE, source.parent.parent, Path(sys.prefix)]
    marker = Path('share', 'ament_index')
    return [str(candidate) for candidate in candidates if (candidate / marker).is_dir()]


def _unique(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(item for item in items if item))
