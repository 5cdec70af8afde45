import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.tiny_bundle import write_tiny_bundle

from flowenedet_ros.replay.bag_reader import IMAGE, BagReader
from flowenedet_ros.replay.bag_writer import BagWriter
from flowenedet_ros.replay.messages import MessageBuilder, Stamp

SCRIPT = 'import sys; from flowenedet_ros.cli.main import main; sys.exit(main())'


@pytest.fixture(scope='module')
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp('model') / 'tiny')


@pytest.fixture
def source(tmp_path: Path) -> Path:
    build = MessageBuilder()
    random = np.random.default_rng(1)
    with BagWriter(tmp_path / 'in') as bag:
        for index in range(3):
            pixels = random.integers(0, 256, (48, 64, 3), np.uint8)
            cdr = build.image(pixels, 'rgb8', Stamp(index, 0, 'camera'))
            bag.write('/camera/image_raw', IMAGE, index * 10**9, cdr)
    return tmp_path / 'in'


def bag(*arguments: object) -> subprocess.CompletedProcess[str]:
    # Not one variable of a ROS installation is set.
    plain = {key: value for key, value in os.environ.items() if key in ('PATH', 'HOME', 'LANG')}
    command = [sys.executable, '-c', SCRIPT, 'bag', *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=plain)


def test_a_bag_is_processed_without_ros(source: Path, tmp_path: Path, bundle: Path) -> None:
    result = bag(source, tmp_path / 'out', '--model', bundle)
    assert result.returncode == 0, result.stderr
    assert '3 frames processed, 0 rejected' in result.stdout
    with BagReader(tmp_path / 'out') as made:
        counts = {connection.topic: connection.msgcount for connection in made.connections}
    assert counts['/camera/image_raw'] == counts['/flowenedet/output/ood_mask'] == 3


def test_a_second_call_says_that_all_is_done(source: Path, tmp_path: Path, bundle: Path) -> None:
    bag(source, tmp_path / 'out', '--model', bundle)
    result = bag(source, tmp_path / 'out', '--model', bundle)
    assert result.returncode == 0
    assert 'complete already' in result.stdout


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (('--topic', '/front'), '/camera/image_raw'),
        (('--model', 'no_such_model'), 'no_such_model'),
    ],
)
def test_wrong_choices_name_the_right_ones(
    source: Path, tmp_path: Path, bundle: Path, arguments: tuple[str, str], words: str
) -> None:
    result = bag(source, tmp_path / 'out', '--model', bundle, *arguments)
    assert result.returncode == 2
    assert result.stderr.startswith('flowenedet: error: ')
    assert words in result.stderr
    assert 'Traceback' not in result.stderr
    assert not (tmp_path / 'out').exists()


def test_the_input_is_not_a_place_for_the_output(source: Path, bundle: Path) -> None:
    for place in (source, source / 'inside'):
        result = bag(source, place, '--model', bundle)
        assert result.returncode == 2
        assert 'overlap' in result.stderr
