"""One replay: our node as a process, a camera played to it, what it publishes recorded."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rclpy.node import Node
from rosbags.interfaces import Connection

from flowenedet_ros.replay import topics
from flowenedet_ros.replay.accounts import all_accounted
from flowenedet_ros.replay.bag_player import BagPlayer, PlayOptions
from flowenedet_ros.replay.bag_reader import (
    COMPRESSED_IMAGE,
    BagMessage,
    BagReader,
    camera_info_name,
)
from flowenedet_ros.replay.bag_recorder import record_topic
from flowenedet_ros.replay.bag_writer import BagWriter
from flowenedet_ros.replay.counters import CounterWatch
from flowenedet_ros.replay.environment import config_folder
from flowenedet_ros.replay.errors import ReplayError
from flowenedet_ros.replay.live import LiveNode
from flowenedet_ros.replay.node_process import NodeProcess
from flowenedet_ros.replay.summary import Summary

NODE = 'flowenedet'
START_TIMEOUT_S = 180
# How long the node may take for the frames that still wait when the camera has ended.
DRAIN_TIMEOUT_S = 60.0
DRAIN_PATIENCE_S = 10.0


@dataclass(frozen=True)
class Session:
    """What is replayed, with which model, and where the results go.

    :param source: what the input is called in the summary.
    :param bag: the input.
    :param out: folder for the recorded bag `bag/` and the node's `node.log`.
    :param topic: image topic of the input; None for the one with the most frames.
    :param model: bundle of the node; None for the one in its parameter file.
    """

    source: str
    bag: Path
    out: Path
    topic: str | None = None
    model: str | None = None
    rate: float = 1.0

    def run(self, on_frame: Callable[[], object] = lambda: None) -> Summary:
        """Replay the whole input and wait until the node has dealt with every frame.

        :param on_frame: called after each frame sent.
        :raises ReplayError: the input cannot be read, the node does not come up or ends early.
        """
        with contextlib.ExitStack() as stack:
            reader = stack.enter_context(BagReader(self.bag))
            image = reader.image_topic(self.topic)
            writer = stack.enter_context(BagWriter(self.out / 'bag'))
            live = stack.enter_context(LiveNode('flowenedet_replay'))
            _record(live.node, writer)
            watch = CounterWatch(live.node, NODE)
            # The publishers exist before the node: it finds them at once and misses no frame.
            player = self._player(live.node, reader, image, writer, on_frame)
            process = stack.enter_context(self._start_node(image))
            _await_ready(player, watch, process, image.topic)
            damage = _play(player)
            sent = player.counts.sent[image.topic]
            watch.wait_until_settled(
                lambda values: process.exit_code is not None or all_accounted(values, sent),
                DRAIN_TIMEOUT_S,
                DRAIN_PATIENCE_S,
            )
            process.check()
            process.stop()
        return Summary.of(self.source, sent, player.counts.duration_s, watch.values, damage)

    def _player(
        self,
        node: Node,
        reader: BagReader,
        image: Connection,
        writer: BagWriter,
        on_frame: Callable[[], object],
    ) -> BagPlayer:
        info = reader.camera_info_topic(image)
        routes = {c.topic: c.topic for c in (image, info) if c is not None}

        def sent(message: BagMessage) -> None:
            writer.write_now(message.topic, message.msgtype, message.cdr)
            if message.topic == image.topic:
                on_frame()

        return BagPlayer(node, reader, routes, PlayOptions(self.rate, restamp=True), sent)

    def _start_node(self, image: Connection) -> NodeProcess:
        compressed = image.msgtype == COMPRESSED_IMAGE
        parameters = {'autostart': 'true', 'input_transport': 'compressed' if compressed else 'raw'}
        if self.model is not None:
            parameters['model'] = self.model
        return NodeProcess(
            parameters,
            {
                '~/input/image': image.topic,
                '~/input/camera_info': camera_info_name(image.topic),
            },
            log=self.out / 'node.log',
            parameter_file=config_folder() / 'flowenedet.param.yaml',
        )


def _await_ready(player: BagPlayer, watch: CounterWatch, process: NodeProcess, topic: str) -> None:
    # DDS tells each side of a match on its own. A frame sent before the node's side knows the
    # publisher is gone without a trace, so the node has to report the publisher, too.
    for _ in range(START_TIMEOUT_S):
        if watch.wait_for(_knows_a_publisher, 1.0) and player.wait_for_subscriber(topic, 1.0):
            return
        process.check()
    raise ReplayError(
        f'the node did not subscribe to {topic} within {START_TIMEOUT_S} s; '
        f'its last lines:\n{process.tail()}'
    )


def _knows_a_publisher(values: Mapping[str, str]) -> bool:
    return int(values.get('publishers', 0)) > 0


def _record(node: Node, writer: BagWriter) -> None:
    for output in topics.OUTPUTS:
        name = topics.topic(NODE, output.name)
        record_topic(node, writer, name, output.msgtype, output.latched)
    record_topic(node, writer, '/diagnostics', topics.DIAGNOSTICS)


def _play(player: BagPlayer) -> str | None:
    try:
        player.play()
    except ReplayError as error:
        return str(error)
    return None
