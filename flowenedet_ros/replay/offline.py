"""Processing a recorded bag: every frame, no ROS, continued where it was interrupted."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rosbags.interfaces import Connection
from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.store import Typestore

from flowenedet_ros.inference.errors import FlowEneDetError, FrameError
from flowenedet_ros.inference.model import Model
from flowenedet_ros.replay import topics
from flowenedet_ros.replay.bag_reader import BagMessage, BagReader
from flowenedet_ros.replay.camera_images import camera_bgr
from flowenedet_ros.replay.errors import ReplayError
from flowenedet_ros.replay.messages import Stamp
from flowenedet_ros.replay.perception_messages import PerceptionMessages
from flowenedet_ros.replay.resumable_bag import Channel, ResumableBag

NODE = 'flowenedet'
# A file of the output is finished at this size; an interruption loses at most so much work.
FILE_BYTES = 64 * 2**20


@dataclass
class OfflineCounts:
    """What became of the frames; `rejection` is what was wrong with the first bad one."""

    processed: int = 0
    rejected: int = 0
    resumed_at: int = 0
    rejection: str | None = None


class OfflineRun:
    """One bag through one model into another bag.

    :param reader: the input; it is only read.
    :param out: folder of the output; continued if it is this run's, refused if it is another's.
    :param topic: image topic; None for the one with the most frames.
    :raises ReplayError: no such image topic, or `out` is taken.
    """

    def __init__(
        self,
        reader: BagReader,
        out: Path,
        model: Model,
        topic: str | None = None,
        file_bytes: int = FILE_BYTES,
    ) -> None:
        _check_places(reader.path, out)
        self._reader = reader
        self._model = model
        self._file_bytes = file_bytes
        self._image = reader.image_topic(topic)
        self._info_topic = reader.camera_info_topic(self._image)
        self._info: BagMessage | None = None
        self._messages = PerceptionMessages(model.manifest)
        self._made = {output.name: topics.topic(NODE, output.name) for output in _made_offline()}
        # Results of an earlier run of ours give way to the new ones.
        self._copied = [c for c in reader.connections if c.topic not in self._made.values()]
        self.counts = OfflineCounts()
        self.bag = ResumableBag(out, self._channels(), self._identity())
        self.counts.resumed_at = self.bag.position

    @property
    def total(self) -> int:
        """Number of messages to go through, those of an interrupted run included."""
        return sum(connection.msgcount for connection in self._copied)

    @property
    def image_topic(self) -> str:
        """The camera that is processed."""
        return self._image.topic

    def run(self, on_message: Callable[[], object] = lambda: None) -> OfflineCounts:
        """Process what is left; a second call on a complete bag does nothing.

        :param on_message: called for each message of the input, those already done included.
        :raises ReplayError: the input is damaged or the output cannot be written; what is done
            so far is kept, and the same command goes on from there.
        """
        notes = self.bag.notes
        self.counts.processed = notes.get('processed', 0)
        self.counts.rejected = notes.get('rejected', 0)
        if self.bag.complete:
            return self.counts
        try:
            self._run(on_message)
        except OSError as error:
            self.bag.abandon()
            raise ReplayError(
                f'{self.bag.path} cannot be written: {error.strerror or error}. '
                f'{self.bag.position} of {self.total} messages are in it; '
                'make room and run the same command to go on'
            ) from error
        except BaseException:
            self.bag.abandon()
            raise
        return self.counts

    def _run(self, on_message: Callable[[], object]) -> None:
        position = 0
        try:
            for message in self._reader.messages(self._copied):
                if self._info_topic is not None and message.topic == self._info_topic.topic:
                    self._info = message
                if position >= self.bag.position:
                    self._take(message, first=position == 0)
                position += 1
                on_message()
                if self.bag.part_bytes >= self._file_bytes:
                    self._commit(position)
        except FlowEneDetError:
            self._commit(position)
            raise
        self._commit(position, complete=True)

    def _commit(self, position: int, complete: bool = False) -> None:
        notes = {'processed': self.counts.processed, 'rejected': self.counts.rejected}
        self.bag.commit(max(position, self.bag.position), notes, complete)

    def _take(self, message: BagMessage, first: bool) -> None:
        # Everything is made before anything is written: a failure leaves no half of a frame.
        made = self._results(message) if message.topic == self._image.topic else []
        if first:
            point = self._model.manifest.default_point
            made.append((topics.LABEL_MAP, self._messages.label_map(self._model.thresholds, point)))
        self.bag.write(message.topic, message.time_ns, message.cdr)
        for output, cdr in made:
            self.bag.write(self._made[output], message.time_ns, cdr)

    def _results(self, message: BagMessage) -> list[tuple[str, bytes]]:
        try:
            decoded = self._reader.decode(message)
            image = camera_bgr(decoded)
            if self._model.manifest.input.channel_order == 'rgb':
                image = image[..., ::-1]
            perception = self._model.run(image)
        except (ReplayError, FrameError) as error:
            self.counts.rejected += 1
            self.counts.rejection = self.counts.rejection or str(error)
            return []
        self.counts.processed += 1
        stamp = Stamp.of(decoded)
        made = list(self._messages.images(perception, stamp))
        if self._info is not None:
            info = self._reader.decode(self._info)
            made += self._messages.camera_infos(perception, info, stamp)
        return made

    def _channels(self) -> dict[str, Channel]:
        jazzy = get_typestore(Stores.ROS2_JAZZY)
        channels = {c.topic: _copied_channel(c, self._reader.typestore) for c in self._copied}
        for output in _made_offline():
            name = self._made[output.name]
            channels[name] = _channel(name, output.msgtype, jazzy)
        return channels

    def _identity(self) -> dict[str, str]:
        manifest = self._model.manifest
        content = repr([(c.topic, c.msgtype, c.msgcount) for c in self._copied])
        span = f'{self._reader.start_ns} {self._reader.end_ns} {content}'
        return {
            'input': hashlib.sha256(span.encode()).hexdigest(),
            'image topic': self._image.topic,
            'model': f'{manifest.name} {manifest.files["model.onnx"]}',
        }


def _made_offline() -> list[topics.Output]:
    left_out = (topics.OVERLAY, topics.PROCESSING_TIME)
    return [output for output in topics.OUTPUTS if output.name not in left_out]


def _check_places(source: Path, out: Path) -> None:
    here, there = source.resolve(), out.resolve()
    if here == there or here in there.parents or there in here.parents:
        raise ReplayError(f'{out} and the input {source} overlap: name a folder elsewhere')


def _copied_channel(connection: Connection, typestore: Typestore) -> Channel:
    if connection.msgtype in typestore.types:
        return _channel(connection.topic, connection.msgtype, typestore)
    # An old bag may hold types that it does not describe. Their bytes are kept under a definition
    # without fields; who knows the type can still read them.
    unknown = get_typestore(Stores.EMPTY)
    unknown.register({connection.msgtype: ([], [])})
    return _channel(connection.topic, connection.msgtype, unknown)


def _channel(topic: str, msgtype: str, typestore: Typestore) -> Channel:
    definition, _ = typestore.generate_msgdef(msgtype, ros_version=2)
    return Channel(topic, msgtype, definition, typestore.hash_rihs01(msgtype))
