import itertools
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from flowenedet_ros.replay.bag_player import BagPlayer, PlayOptions
from flowenedet_ros.replay.bag_reader import CAMERA_INFO, IMAGE, BagMessage, BagReader
from flowenedet_ros.replay.live import LiveNode

ROUTES = {'/cam/image_raw': '/live/image', '/cam/camera_info': '/live/camera_info'}


def recorder(path: Path, expected: int, *topics: str) -> subprocess.Popen[str]:
    script = Path(__file__).with_name('recording_process.py')
    command = [sys.executable, str(script), str(path), str(expected), *topics]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def by_topic(path: Path) -> dict[str, list[BagMessage]]:
    with BagReader(path) as bag:
        messages = sorted(bag.messages(), key=lambda message: message.topic)
    return {name: list(group) for name, group in itertools.groupby(messages, lambda m: m.topic)}


def replay(
    bag: Path, out: Path, options: PlayOptions, *topics: str, expected: int
) -> tuple[dict[str, int], list[BagMessage]]:
    sent: list[BagMessage] = []
    with LiveNode('player') as live, BagReader(bag) as reader:
        player = BagPlayer(live.node, reader, ROUTES, options, on_sent=sent.append)
        process = recorder(out, expected, *topics)
        assert process.stdout is not None
        for topic in topics:
            assert player.wait_for_subscriber(topic.partition('=')[0], 60)
            assert process.stdout.readline() == 'matched\n'
        counts = player.play()
        assert process.wait(60) == 0
    return counts.sent, sent


@pytest.mark.usefixtures('domain')
def test_bytes_reach_another_process_unchanged(camera_bag: Path, tmp_path: Path) -> None:
    topics = (f'/live/image={IMAGE}', f'/live/camera_info={CAMERA_INFO}')
    out = tmp_path / 'recorded'
    counts, _ = replay(camera_bag, out, PlayOptions(rate=2.0), *topics, expected=24)
    assert counts == {'/live/image': 12, '/live/camera_info': 12}
    recorded, original = by_topic(out), by_topic(camera_bag)
    for source, live in ROUTES.items():
        for now, then in zip(recorded[live], original[source], strict=True):
            assert now.msgtype == then.msgtype
            # DDS pads a payload to four bytes.
            assert now.cdr[: len(then.cdr)] == then.cdr
            assert len(now.cdr) - len(then.cdr) < 4


@pytest.mark.usefixtures('domain')
def test_restamped_frames_are_of_now_and_keep_their_pixels(
    camera_bag: Path, tmp_path: Path
) -> None:
    out = tmp_path / 'recorded'
    options = PlayOptions(restamp=True)
    topics = (f'/live/image={IMAGE}', f'/live/camera_info={CAMERA_INFO}')
    replay(camera_bag, out, options, *topics, expected=24)
    recorded, original = by_topic(out), by_topic(camera_bag)
    stamps = {}
    with BagReader(out) as bag:
        for live in ROUTES.values():
            stamps[live] = [stamp_ns(bag.decode(message)) for message in recorded[live]]
        arrivals = [message.time_ns for message in recorded['/live/image']]
    assert stamps['/live/image'] == stamps['/live/camera_info']
    assert stamps['/live/image'] == sorted(set(stamps['/live/image']))
    ages = np.subtract(arrivals, stamps['/live/image'])
    assert ages.min() >= 0
    assert ages.max() < 60e9
    for now, then in zip(recorded['/live/image'], original['/cam/image_raw'], strict=True):
        assert now.cdr[12:] == then.cdr[12:]


@pytest.mark.usefixtures('domain')
def test_looped_bag_tells_its_time_on_clock(camera_bag: Path, tmp_path: Path) -> None:
    out = tmp_path / 'recorded'
    options = PlayOptions(loops=2, clock=True)
    topics = (f'/live/image={IMAGE}', '/clock=rosgraph_msgs/msg/Clock')
    counts, sent = replay(camera_bag, out, options, *topics, expected=40)
    assert counts['/live/image'] == 24
    assert len(sent) == 48
    with BagReader(out) as bag:
        clock = [bag.decode(m).clock for m in bag.messages() if m.topic == '/clock']
    times = [time.sec * 10**9 + time.nanosec for time in clock]
    assert all(1_000_000_000 <= time <= 1_220_000_000 for time in times)


@pytest.mark.usefixtures('domain')
def test_playing_stops_when_asked(camera_bag: Path) -> None:
    stop = threading.Event()
    with LiveNode('player') as live, BagReader(camera_bag) as reader:
        options = PlayOptions(rate=0.001)
        player = BagPlayer(live.node, reader, ROUTES, options, on_sent=lambda _: stop.set())
        player.play(stop)
        assert sum(player.counts.sent.values()) == 1


@pytest.mark.usefixtures('domain')
def test_nobody_listening_is_noticed(camera_bag: Path) -> None:
    with LiveNode('player') as live, BagReader(camera_bag) as reader:
        player = BagPlayer(live.node, reader, ROUTES)
        assert not player.wait_for_subscriber('/live/image', 0.2)


def stamp_ns(message: object) -> int:
    stamp = message.header.stamp  # type: ignore[attr-defined]
    return stamp.sec * 10**9 + stamp.nanosec
