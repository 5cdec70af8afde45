"""Results that were recorded beside their camera, brought together frame by frame."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rosbags.interfaces import Connection

from flowenedet_ros.data.classes import ClassInfo
from flowenedet_ros.inference.perception import Perception
from flowenedet_ros.replay import topics
from flowenedet_ros.replay.bag_reader import BagMessage, BagReader
from flowenedet_ros.replay.camera_images import camera_bgr, plane
from flowenedet_ros.replay.errors import ReplayError
from flowenedet_ros.replay.messages import header_stamp_ns

PARTS = (
    topics.SEGMENTATION,
    topics.IDM_MASK,
    topics.OOD_MASK,
    topics.IDM_SCORE,
    topics.OOD_SCORE,
)


@dataclass(frozen=True)
class RecordedFrame:
    """A camera image with what was made of it."""

    stamp_ns: int
    image: NDArray[np.uint8]
    perception: Perception


class RecordedResults:
    """The frames of a bag that have an image, masks and scores of one stamp.

    :param path: a bag of the demo, of `flowenedet bag`, or of a robot's recorder.
    :param camera: its image topic; without it the one with the most frames.
    :param node: name of the node that made the results.
    :raises ReplayError: the bag cannot be read or has no results of that node.
    """

    def __init__(self, path: Path, camera: str | None = None, node: str = 'flowenedet') -> None:
        self.path = path
        self._label_map = topics.topic(node, topics.LABEL_MAP)
        self._parts = {topics.topic(node, part): part for part in PARTS}
        with BagReader(path) as bag:
            there = {connection.topic for connection in bag.connections}
            missing = [name for name in self._parts if name not in there]
            if missing:
                raise ReplayError(f'{path} has no results of {node}: {missing[0]} is missing')
            self._camera = bag.image_topic(camera).topic
            self.stamps, self.classes = self._scan(bag)

    def frames(self, stamps: Iterable[int]) -> list[RecordedFrame]:
        """Decode the frames of these stamps, in their order; all of them stay in memory.

        Frames whose camera image is malformed are left out.
        """
        wanted = dict.fromkeys(stamps)
        found: dict[int, dict[str, BagMessage]] = {stamp: {} for stamp in wanted}
        with BagReader(self.path) as bag:
            for message in bag.messages(self._connections(bag)):
                stamp = header_stamp_ns(message.cdr)
                if stamp in found:
                    found[stamp][message.topic] = message
            frames = [self._frame(bag, stamp, found[stamp]) for stamp in wanted]
        return [frame for frame in frames if frame is not None]

    def _scan(self, bag: BagReader) -> tuple[list[int], Sequence[ClassInfo]]:
        seen: dict[int, set[str]] = {}
        for message in bag.messages(self._connections(bag)):
            seen.setdefault(header_stamp_ns(message.cdr), set()).add(message.topic)
        needed = {self._camera, *self._parts}
        stamps = sorted(stamp for stamp, found in seen.items() if found >= needed)
        return stamps, self._classes(bag)

    def _connections(self, bag: BagReader) -> list[Connection]:
        return [c for c in bag.connections if c.topic == self._camera or c.topic in self._parts]

    def _classes(self, bag: BagReader) -> Sequence[ClassInfo]:
        latched = [c for c in bag.connections if c.topic == self._label_map]
        for message in bag.messages(latched) if latched else ():
            content = json.loads(bag.decode(message).data)
            return tuple(
                ClassInfo(entry['name'], tuple(entry['color'])) for entry in content['classes']
            )
        return ()

    def _frame(
        self, bag: BagReader, stamp: int, messages: dict[str, BagMessage]
    ) -> RecordedFrame | None:
        decoded = {name: bag.decode(message) for name, message in messages.items()}
        try:
            image = camera_bgr(decoded[self._camera])
        except ReplayError:
            return None
        parts = {part: decoded[name] for name, part in self._parts.items()}
        perception = Perception(
            labels=plane(parts[topics.SEGMENTATION], np.uint8),
            idm_mask=plane(parts[topics.IDM_MASK], np.uint8),
            ood_mask=plane(parts[topics.OOD_MASK], np.uint8),
            idm_score=plane(parts[topics.IDM_SCORE], np.float32),
            ood_score=plane(parts[topics.OOD_SCORE], np.float32),
            nonfinite=0,
            stage_ms={},
        )
        return RecordedFrame(stamp, image, perception)
