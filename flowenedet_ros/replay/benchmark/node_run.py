"""One run of the node under a steady camera."""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flowenedet_ros.replay.accounts import COUNTED, all_accounted, frames
from flowenedet_ros.replay.benchmark.consumer import Consumer
from flowenedet_ros.replay.benchmark.measured_node import MeasuredNode
from flowenedet_ros.replay.benchmark.steady_camera import SteadyCamera
from flowenedet_ros.replay.counters import CounterWatch
from flowenedet_ros.replay.environment import config_folder
from flowenedet_ros.replay.errors import ReplayError
from flowenedet_ros.replay.live import LiveNode

NODE, TOPIC = 'flowenedet', '/camera/image_raw'
START_TIMEOUT_S, RESULT_TIMEOUT_S, SETTLE_TIMEOUT_S, PATIENCE_S = 600, 60, 60.0, 10.0
WARM_UP_FRAMES = 10
# A camera that asks for half of what the node can do leaves no frame waiting for the one before.
LOAD, FASTEST_HZ = 0.5, 30.0


@dataclass(frozen=True)
class Run:
    """What a run gave.

    :param cpu_s: processor time of the node while the camera was steady, which was `wall_s` long.
    :param ages_ms: from stamp to arrival of the label map at a subscriber, while steady.
    :param processing_ms: that the node's worker had each frame, warm-up frames too.
    :param report: the node's last words on /diagnostics; they cover all frames too.
    """

    rate_hz: float
    frames: int
    cpu_s: float
    wall_s: float
    ages_ms: list[float]
    processing_ms: list[float]
    report: Mapping[str, str]
    counters: Mapping[str, int]

    def figure(self, name: str) -> float:
        """Give a number of the report.

        :raises ReplayError: the node did not report it.
        """
        try:
            return float(self.report[name])
        except KeyError:
            raise ReplayError(
                f'the node reports no {name} on /diagnostics: run `make setup` to build it anew'
            ) from None


@dataclass(frozen=True)
class Stream:
    """What the camera sends.

    :param size: (height, width).
    :param rate_hz: None for half of what the node proves able to do.
    """

    size: tuple[int, int]
    rate_hz: float | None
    frames: int


def run_node(parameters: Mapping[str, str], stream: Stream, log: Path) -> Run:
    """Start a node, let it warm up on frames sent one by one, then send them steadily.

    :raises ReplayError: the node does not come up, ends early or gives no results.
    """
    with contextlib.ExitStack() as stack:
        live = stack.enter_context(LiveNode('flowenedet_benchmark'))
        watch, consumer = CounterWatch(live.node, NODE), Consumer(live.node, NODE)
        camera = SteadyCamera(live.node, TOPIC, stream.size)
        process = stack.enter_context(
            MeasuredNode(
                {'autostart': 'true', **parameters},
                {'~/input/image': TOPIC},
                log,
                parameter_file=config_folder() / 'flowenedet.param.yaml',
            )
        )
        _await_ready(camera, watch, process)
        response_ms = _warm_up(camera, consumer, process)
        rate = stream.rate_hz or min(FASTEST_HZ, LOAD * 1e3 / response_ms)
        cpu_s, begin = process.cpu_seconds(), time.monotonic()
        camera.play(rate, stream.frames)
        wall_s = time.monotonic() - begin
        process.check()
        cpu_s = process.cpu_seconds() - cpu_s
        watch.wait_until_settled(
            lambda values: all_accounted(values, camera.sent), SETTLE_TIMEOUT_S, PATIENCE_S
        )
        report = watch.values
        process.check()
        ages_ms, processing_ms = consumer.ages_ms[WARM_UP_FRAMES:], consumer.processing_ms
    counters = {'sent': camera.sent, **dict(zip(COUNTED, frames(report), strict=True))}
    return Run(rate, stream.frames, cpu_s, wall_s, ages_ms, processing_ms, report, counters)


def _await_ready(camera: SteadyCamera, watch: CounterWatch, process: MeasuredNode) -> None:
    # Each side learns of the match on its own, and the node's must know before a frame is sent.
    for _ in range(START_TIMEOUT_S):
        if watch.wait_for(
            lambda values: int(values.get('publishers', 0)) > 0, 1.0
        ) and camera.wait_for_subscriber(1.0):
            return
        process.check()
    raise ReplayError(
        f'the node did not subscribe within {START_TIMEOUT_S} s; its last lines:\n{process.tail()}'
    )


def _warm_up(camera: SteadyCamera, consumer: Consumer, process: MeasuredNode) -> float:
    """Send frames one by one; give the median time to a result, in ms."""
    for _ in range(WARM_UP_FRAMES):
        before = len(consumer.ages_ms)
        camera.send()
        _await_result(consumer, before, process)
    return float(np.median(consumer.ages_ms))


def _await_result(consumer: Consumer, before: int, process: MeasuredNode) -> None:
    for _ in range(RESULT_TIMEOUT_S):
        if consumer.wait_for_more(before, 1.0):
            return
        process.check()
    raise ReplayError(
        f'the node gave no result in {RESULT_TIMEOUT_S} s; its last lines:\n{process.tail()}'
    )
