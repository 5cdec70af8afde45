"""Fixtures of the tests that run node processes."""

import pytest
from node.harness import Robot
from support.tiny_bundle import write_tiny_bundle


def pytest_configure(config):
    config.addinivalue_line('markers', 'soak: `make soak` runs it for FLOWENEDET_SOAK_MINUTES')


@pytest.fixture(scope='session')
def bundle(tmp_path_factory):
    """Give the folder of a small real model."""
    return write_tiny_bundle(tmp_path_factory.mktemp('models') / 'tiny')


@pytest.fixture
def robot(tmp_path):
    """Give a robot on a DDS domain of its own; its processes end with the test."""
    robot = Robot(tmp_path)
    yield robot
    robot.close()
