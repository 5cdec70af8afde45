"""Bags and a private DDS domain for the tests of this folder."""

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from flowenedet_ros.replay.bag_reader import CAMERA_INFO, COMPRESSED_IMAGE, IMAGE
from flowenedet_ros.replay.bag_writer import BagWriter
from flowenedet_ros.replay.domains import claim_domain, release_domain
from flowenedet_ros.replay.environment import ros_environment
from flowenedet_ros.replay.messages import MessageBuilder, Stamp

PERIOD_NS = 20_000_000


@pytest.fixture
def domain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Give a DDS domain of the test's own, in this process and in those it starts."""
    found = claim_domain()
    for key, value in ros_environment(found, tmp_path / 'ros_log').items():
        monkeypatch.setenv(key, value)
    yield found
    os.environ.pop('ROS_DOMAIN_ID', None)
    release_domain(found)


@pytest.fixture
def camera_bag(tmp_path: Path) -> Path:
    """Give a bag of 12 frames at 50 Hz with camera_info, a compressed stream and another topic."""
    path = tmp_path / 'camera'
    build = MessageBuilder()
    random = np.random.default_rng(7)
    with BagWriter(path) as bag:
        for index in range(12):
            time_ns = 1_000_000_000 + index * PERIOD_NS
            stamp = Stamp.at(time_ns / 1e9, 'camera')
            pixels = random.integers(0, 256, (48, 64, 3), np.uint8)
            info = build.camera_info((48, 64), np.diag([50.0, 50.0, 1.0]), stamp)
            bag.write('/cam/camera_info', CAMERA_INFO, time_ns, info)
            bag.write('/cam/image_raw', IMAGE, time_ns, build.image(pixels, 'bgr8', stamp))
            if index % 3 == 0:
                text = build.string(f'{index}')
                bag.write('/notes', 'std_msgs/msg/String', time_ns + 1, text)
        _, jpeg = cv2.imencode('.jpg', pixels)
        broken = build.compressed_image(jpeg[: jpeg.size // 2], 'jpeg', Stamp.at(1.0, 'camera'))
        bag.write('/rear/image_raw/compressed', COMPRESSED_IMAGE, time_ns, broken)
    return path
