"""Lint, format, types and the package manifest, as a robot's build farm would check them."""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from catkin_pkg.package import parse_package

REPOSITORY = Path(__file__).resolve().parents[1]


def run(*command):
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_lint():
    run(sys.executable, '-m', 'ruff', 'check', '.')


def test_format():
    run(sys.executable, '-m', 'ruff', 'format', '--check', '.')


@pytest.mark.slow
def test_types():
    run(sys.executable, '-m', 'mypy')


def test_package_manifest_is_valid_and_complete():
    package = parse_package(REPOSITORY / 'package.xml')
    assert package.package_format == 3
    assert package.get_build_type() == 'ament_python'
    needed = {dependency.name for dependency in package.exec_depends}
    assert {'rclpy', 'cv_bridge', 'sensor_msgs', 'diagnostic_msgs', 'lifecycle_msgs'} <= needed


def test_versions_agree():
    manifest = ElementTree.parse(REPOSITORY / 'package.xml').findtext('version')
    assert f"version='{manifest}'" in (REPOSITORY / 'setup.py').read_text()
    assert manifest in (REPOSITORY / 'CHANGELOG.rst').read_text()


def test_top_level_holds_what_the_architecture_says():
    listed = subprocess.run(
        ['git', 'ls-files'], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    top = {Path(line).parts[0] for line in listed.splitlines()}
    assert {name for name in top if not name.startswith('.')} <= {
        *('package.xml', 'setup.py', 'setup.cfg', 'pyproject.toml', 'Makefile'),
        *('flowenedet_ros', 'launch', 'config', 'test', 'resource'),
        *('README.md', 'LICENSE', 'CHANGELOG.rst', 'CONTRIBUTING.md'),
    }
