"""The package keeps to its architecture: rooms import downwards, and the vehicle needs no torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / 'flowenedet_ros'
# From the top of the house down; a room may import those after it.
ROOMS = [
    'cli',
    'replay',
    'node',
    'evaluation',
    'calibration',
    'training',
    'export',
    'inference',
    'detector',
    'segmenters',
    'data',
]
WITHOUT_TORCH = {'inference', 'data', 'replay', 'node'}
ROS = ('rclpy', 'sensor_msgs', 'std_msgs', 'diagnostic_msgs', 'lifecycle_msgs', 'rosgraph_msgs')
FILES = sorted(path for path in PACKAGE.rglob('*.py') if path.parent != PACKAGE)


def imported_modules(path):
    """List what a file imports, wherever in the file, but for type checking alone."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and 'TYPE_CHECKING' in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def room_of(path):
    return path.relative_to(PACKAGE).parts[0]


@pytest.mark.parametrize('path', FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down_and_ros_stays_above(path):
    room = room_of(path)
    for module in imported_modules(path):
        parts = module.split('.')
        if parts[0] == 'flowenedet_ros' and len(parts) > 1:
            assert ROOMS.index(parts[1]) >= ROOMS.index(room), f'{room} imports {module}'
            if room == 'inference':
                assert parts[1] in ('inference', 'data'), f'inference imports {module}'
        if room not in ('node', 'replay'):
            assert parts[0] not in ROS, f'{room} imports {module}'
        if room in WITHOUT_TORCH:
            assert parts[0] != 'torch', f'{room} imports torch'


def test_importing_the_package_is_instant():
    code = 'import sys, flowenedet_ros; print(sorted(sys.modules))'
    loaded = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=True
    ).stdout
    for heavy in ('numpy', 'torch', 'cv2', 'onnxruntime', 'rclpy'):
        assert f"'{heavy}'" not in loaded
