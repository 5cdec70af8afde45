import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support.processes import node_has_joined, processes_with, until
from support.tiny_bundle import write_tiny_bundle

from flowenedet_ros.inference import load_bundle
from flowenedet_ros.replay.bag_reader import BagReader
from flowenedet_ros.replay.environment import node_executable
from flowenedet_ros.replay.errors import ReplayError
from flowenedet_ros.replay.messages import Stamp
from flowenedet_ros.replay.offline import OfflineRun


@pytest.fixture(scope='module', autouse=True)
def _built() -> None:
    try:
        node_executable()
    except ReplayError as error:
        pytest.skip(str(error))


@pytest.fixture(scope='module')
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp('model') / 'tiny')


def command(out: Path, *arguments: object) -> list[str]:
    words = [sys.executable, '-m', 'flowenedet_ros.replay.demo', '--out', out, *arguments]
    return [str(word) for word in words]


def demo(out: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(out, *arguments), capture_output=True, text=True, timeout=240)


def assert_accounted(summary: dict[str, int]) -> None:
    assert summary['received'] + summary['lost'] == summary['sent']
    settled = summary['processed'] + summary['dropped'] + summary['rejected']
    assert settled == summary['received']
    assert summary['unaccounted'] == 0


def topic_counts(path: Path) -> dict[str, int]:
    with BagReader(path) as bag:
        return {connection.topic: connection.msgcount for connection in bag.connections}


def test_bag_becomes_masks_picture_and_summary(
    camera_bag: Path, tmp_path: Path, bundle: Path
) -> None:
    out = tmp_path / 'demo'
    result = demo(out, '--bag', camera_bag, '--model', bundle, '--rate', '0.2')
    assert result.returncode == 0, result.stderr
    summary = json.loads((out / 'summary.json').read_text())
    assert summary['sent'] == 12
    assert summary['processed'] > 0
    assert_accounted(summary)
    assert 'every frame accounted for' in result.stdout
    counts = topic_counts(out / 'bag')
    assert counts['/cam/image_raw'] == 12
    for output in ('segmentation', 'idm_mask', 'ood_mask', 'ood_score', 'camera_info'):
        assert counts[f'/flowenedet/output/{output}'] == summary['processed']
    assert counts['/flowenedet/label_map'] == 1
    picture = cv2.imread(str(out / 'contact_sheet.png'))
    assert picture is not None
    assert picture.std() > 10


def decoded(path: Path, topic: str) -> dict[int, Any]:
    with BagReader(path) as bag:
        connections = [c for c in bag.connections if c.topic == topic]
        messages = [bag.decode(message) for message in bag.messages(connections)]
    return {Stamp.of(message).nanoseconds: message for message in messages}


def test_offline_gives_what_the_node_published(
    camera_bag: Path, tmp_path: Path, bundle: Path
) -> None:
    live, offline = tmp_path / 'demo' / 'bag', tmp_path / 'offline'
    result = demo(live.parent, '--bag', camera_bag, '--model', bundle, '--rate', '0.2')
    assert result.returncode == 0, result.stderr
    with BagReader(live) as reader, load_bundle(bundle) as model:
        OfflineRun(reader, offline, model, '/cam/image_raw').run()
    for output in ('segmentation', 'planner_mask', 'planner_confidence', 'ood_score'):
        topic = f'/flowenedet/output/{output}'
        published, made = decoded(live, topic), decoded(offline, topic)
        for stamp, message in published.items():
            again = made[stamp]
            assert (again.encoding, again.step) == (message.encoding, message.step)
            assert Stamp.of(again) == Stamp.of(message)
            assert np.array_equal(again.data, message.data)
    for output in ('camera_info', 'score_camera_info'):
        topic = f'/flowenedet/output/{output}'
        published, made = decoded(live, topic), decoded(offline, topic)
        for stamp, message in published.items():
            assert made[stamp].width == message.width
            assert np.allclose(made[stamp].k, message.k)
            assert np.allclose(made[stamp].p, message.p)
    assert label_map(offline) == label_map(live)


def label_map(path: Path) -> Any:
    with BagReader(path) as bag:
        latched = [c for c in bag.connections if c.topic == '/flowenedet/label_map']
        return json.loads(bag.decode(next(bag.messages(latched))).data)


def test_malformed_frames_are_reported_not_fatal(
    camera_bag: Path, tmp_path: Path, bundle: Path
) -> None:
    topic = '/rear/image_raw/compressed'
    out = tmp_path / 'demo'
    result = demo(out, '--bag', camera_bag, '--topic', topic, '--model', bundle)
    assert result.returncode == 0, result.stderr
    summary = json.loads((out / 'summary.json').read_text())
    assert (summary['sent'], summary['rejected'], summary['processed']) == (1, 1, 0)
    assert_accounted(summary)
    assert 'cut off' in result.stdout


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_demo_leaves_no_node_behind(
    camera_bag: Path, tmp_path: Path, number: int
) -> None:
    folder = write_tiny_bundle(tmp_path / 'tiny')
    words = command(tmp_path / 'demo', '--bag', camera_bag, '--model', folder, '--rate', '0.001')
    process = subprocess.Popen(words)
    try:
        until(lambda: node_has_joined(folder), 'the node to join its network')
        process.send_signal(number)
        assert process.wait() == 130
        assert not processes_with(folder)
    finally:
        for left in processes_with(folder):
            os.kill(left, signal.SIGKILL)


def test_wrong_input_is_one_line(camera_bag: Path, tmp_path: Path) -> None:
    out = tmp_path / 'demo'
    for arguments, words in (
        (('--bag', tmp_path / 'nowhere'), 'nowhere'),
        (('--bag', camera_bag, '--topic', '/front'), '/cam/image_raw'),
        (('--bag', camera_bag, '--model', tmp_path / 'no_model'), 'no_model'),
        (('--video', tmp_path / 'nowhere.mp4'), 'nowhere.mp4'),
    ):
        result = demo(out, *arguments)
        assert result.returncode == 2
        assert 'demo: error:' in result.stderr
        assert words in result.stderr
        assert 'Traceback' not in result.stderr


def test_input_in_the_folder_that_is_cleared_is_refused(camera_bag: Path) -> None:
    result = demo(camera_bag.parent, '--bag', camera_bag)
    assert result.returncode == 2
    assert (camera_bag / 'metadata.yaml').exists()


def test_node_that_cannot_start_is_said_with_its_reason(
    camera_bag: Path, tmp_path: Path, bundle: Path
) -> None:
    broken = tmp_path / 'broken'
    broken.mkdir()
    for file in bundle.iterdir():
        (broken / file.name).write_bytes(
            file.read_bytes()[: -1 if file.suffix == '.onnx' else None]
        )
    result = demo(tmp_path / 'demo', '--bag', camera_bag, '--model', broken)
    assert result.returncode == 2
    assert 'the node ended' in result.stderr
    assert 'model.onnx' in result.stderr


def test_video_of_the_road(real_data: Path, tmp_path: Path, bundle: Path) -> None:
    folder = tmp_path / 'pictures'
    folder.mkdir()
    for path in sorted((real_data / 'camvid' / 'val' / 'images').iterdir())[:6]:
        (folder / path.name).symlink_to(path)
    out = tmp_path / 'demo'
    result = demo(out, '--video', folder, '--model', bundle)
    assert result.returncode == 0, result.stderr
    summary = json.loads((out / 'summary.json').read_text())
    assert summary['sent'] == 6
    assert_accounted(summary)
