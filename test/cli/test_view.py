"""`flowenedet view` on a machine without a screen and without ROS."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.tiny_bundle import smooth_image, write_tiny_bundle

from flowenedet_ros.inference import load_bundle
from flowenedet_ros.replay.bag_reader import IMAGE, BagReader
from flowenedet_ros.replay.bag_writer import BagWriter
from flowenedet_ros.replay.messages import MessageBuilder, Stamp
from flowenedet_ros.replay.offline import OfflineRun

START = 'import sys; from flowenedet_ros.cli.main import main; sys.exit(main())'
WITHOUT_RERUN = f'import sys; sys.modules["rerun"] = None; {START}'
FRAMES = 4


@pytest.fixture(scope='module')
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the bag `in`, and `out` that was made of it."""
    folder = tmp_path_factory.mktemp('view')
    build = MessageBuilder()
    with BagWriter(folder / 'in') as bag:
        for index in range(FRAMES):
            stamp = Stamp.at(index / 5, 'camera')
            cdr = build.image(smooth_image(96, 128, index), 'bgr8', stamp)
            bag.write('/cam/image_raw', IMAGE, stamp.nanoseconds, cdr)
    bundle = write_tiny_bundle(folder / 'tiny')
    with BagReader(folder / 'in') as reader, load_bundle(bundle, 'onnxruntime') as model:
        OfflineRun(reader, folder / 'out', model).run()
    return folder


def view(*arguments: object, script: str = START) -> subprocess.CompletedProcess[str]:
    plain = {key: value for key, value in os.environ.items() if key in ('PATH', 'HOME', 'LANG')}
    command = [sys.executable, '-c', script, 'view', *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=plain)


def test_pictures_and_videos_need_no_viewer(made: Path, tmp_path: Path) -> None:
    files = '--png', tmp_path / 'a.png', '--mp4', tmp_path / 'a.mp4'
    result = view(made / 'out', *files, script=WITHOUT_RERUN)
    assert result.returncode == 0, result.stderr
    assert f'a.png: {FRAMES} frames' in result.stdout
    assert f'a.mp4: {FRAMES} pictures of {FRAMES} frames' in result.stdout
    sheet = cv2.imread(str(tmp_path / 'a.png'))
    assert sheet is not None
    assert sheet.std() > 5
    video = cv2.VideoCapture(str(tmp_path / 'a.mp4'))
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(5)
    assert video.read()[0]


def test_a_file_for_the_viewer_passes_its_own_check(made: Path, tmp_path: Path) -> None:
    pytest.importorskip('rerun')
    result = view(made / 'out', '--save', tmp_path / 'a.rrd')
    assert result.returncode == 0, result.stderr
    assert f'{FRAMES} frames' in result.stdout
    # A home of its own, as the tool leaves its settings there.
    checked = subprocess.run(
        [sys.executable, '-m', 'rerun', 'rrd', 'verify', str(tmp_path / 'a.rrd')],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, 'HOME': str(tmp_path)},
    )
    assert checked.returncode == 0, checked.stderr
    assert '1 file verified without error' in checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (('out',), 'there is no screen for the viewer: add --save FILE.rrd, --png'),
        (('out', '--png', 'nowhere/a.png'), 'there is no folder nowhere'),
        (('out', '--mp4', 'a.avi'), 'ends in .mp4'),
        (('out', '--topic', '/front', '--png', 'a.png'), '/cam/image_raw'),
        (('out', '--node', 'other', '--png', 'a.png'), 'no results of other'),
        (('in', '--png', 'a.png'), 'no results of flowenedet'),
        (('away', '--png', 'a.png'), 'there is no bag'),
    ],
)
def test_wrong_wishes_are_answered_plainly(
    made: Path, arguments: tuple[str, ...], words: str
) -> None:
    result = view(made / arguments[0], *arguments[1:])
    assert result.returncode == 2
    assert result.stderr.startswith('flowenedet: error: ')
    assert words in result.stderr
    assert 'Traceback' not in result.stderr


def test_a_missing_viewer_is_named_before_anything_is_done(made: Path, tmp_path: Path) -> None:
    files = '--save', tmp_path / 'a.rrd', '--png', tmp_path / 'a.png'
    result = view(made / 'out', *files, script=WITHOUT_RERUN)
    assert result.returncode == 2
    assert "pip install 'flowenedet_ros[view]'" in result.stderr
    assert not list(tmp_path.iterdir())


def test_frames_without_results_are_nothing_to_show(made: Path, tmp_path: Path) -> None:
    cut = tmp_path / 'cut'
    with BagReader(made / 'out') as reader, BagWriter(cut) as bag:
        for message in reader.messages():
            if not message.topic.endswith('ood_mask'):
                bag.write(message.topic, message.msgtype, message.time_ns, message.cdr)
        stamp = Stamp.at(99.0, 'camera')
        lonely = MessageBuilder().image(np.zeros((96, 128), np.uint8), 'mono8', stamp)
        bag.write('/flowenedet/output/ood_mask', IMAGE, stamp.nanoseconds, lonely)
    result = view(cut, '--mp4', tmp_path / 'a.mp4')
    assert result.returncode == 2
    assert 'nothing to show' in result.stderr
