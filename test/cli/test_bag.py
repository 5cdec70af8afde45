import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
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


def start(*arguments: object, limit: Callable[[], None] | None = None) -> 'subprocess.Popen[str]':
    # Not one variable of a ROS installation is set.
    plain = {key: value for key, value in os.environ.items() if key in ('PATH', 'HOME', 'LANG')}
    command = [sys.executable, '-c', SCRIPT, 'bag', *map(str, arguments)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=plain,
        preexec_fn=limit,
    )


def bag(
    *arguments: object, limit: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    process = start(*arguments, limit=limit)
    output, errors = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def counts(path: Path) -> dict[str, int]:
    with BagReader(path) as made:
        return {connection.topic: connection.msgcount for connection in made.connections}


def test_a_bag_is_processed_without_ros(source: Path, tmp_path: Path, bundle: Path) -> None:
    result = bag(source, tmp_path / 'out', '--model', bundle)
    assert result.returncode == 0, result.stderr
    assert '3 frames processed, 0 rejected' in result.stdout
    made = counts(tmp_path / 'out')
    assert made['/camera/image_raw'] == made['/flowenedet/output/ood_mask'] == 3


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


def test_a_full_disk_is_said_and_the_same_command_goes_on(
    source: Path, tmp_path: Path, bundle: Path
) -> None:
    def fill_disk() -> None:
        # The kernel refuses to let a file grow beyond this, as a full disk does.
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    before = {path.name: path.read_bytes() for path in source.iterdir()}
    result = bag(source, tmp_path / 'out', '--model', bundle, limit=fill_disk)
    assert result.returncode == 2
    assert 'make room and run the same command to go on' in result.stderr
    assert 'Traceback' not in result.stderr
    assert bag(source, tmp_path / 'out', '--model', bundle).returncode == 0
    assert counts(tmp_path / 'out')['/flowenedet/output/ood_mask'] == 3
    assert {path.name: path.read_bytes() for path in source.iterdir()} == before


def test_a_killed_run_goes_on_where_its_last_whole_file_ended(tmp_path: Path, bundle: Path) -> None:
    frames, out = 120, tmp_path / 'out'
    build = MessageBuilder()
    pixels = np.zeros((480, 640, 3), np.uint8)
    with BagWriter(tmp_path / 'in') as recorded:
        for index in range(frames):
            pixels[..., 0] = index
            cdr = build.image(pixels, 'bgr8', Stamp(index, 0, 'camera'))
            recorded.write('/camera/image_raw', IMAGE, index * 10**9, cdr)
    process = start(tmp_path / 'in', out, '--model', bundle)
    while process.poll() is None and not (out / 'metadata.yaml').exists():
        time.sleep(0.001)
    process.kill()
    process.communicate()

    kept = counts(out)
    assert 0 < kept['/camera/image_raw'] < frames
    assert kept['/flowenedet/output/ood_mask'] == kept['/camera/image_raw']
    first = (out / 'out_0.mcap').stat().st_mtime_ns
    result = bag(tmp_path / 'in', out, '--model', bundle)
    assert result.returncode == 0, result.stderr
    assert f'{frames} frames processed, 0 rejected' in result.stdout
    assert (out / 'out_0.mcap').stat().st_mtime_ns == first
    assert counts(out)['/flowenedet/output/ood_mask'] == counts(out)['/camera/image_raw'] == frames
