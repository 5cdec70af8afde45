"""Recording live topics, still serialized, into an mcap bag."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer, WriterError
from rosbags.typesys import Stores, get_typestore

from flowenedet_ros.replay.errors import ReplayError
from flowenedet_ros.replay.live import message_class

QUEUE_DEPTH = 100


class BagRecorder:
    """Write messages of live topics into a new bag.

    Messages may come from several threads. A full disk stops the recording but not the caller:
    `close` says what happened.

    :param path: folder of the bag; it must not exist yet.
    :raises ReplayError: the bag cannot be made there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.counts: dict[str, int] = {}
        self._typestore = get_typestore(Stores.ROS2_JAZZY)
        self._connections: dict[str, Connection] = {}
        self._lock = threading.Lock()
        self._failure: OSError | None = None
        self._writer: Writer | None = Writer(path, version=9, storage_plugin=StoragePlugin.MCAP)
        try:
            self._writer.open()
        except (OSError, WriterError) as error:
            raise ReplayError(f'cannot record into {path}: {error}') from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def subscribe(self, node: Node, topic: str, msgtype: str, latched: bool = False) -> None:
        """Record a topic from now on.

        :param latched: also ask for what was published before.
        """
        qos = QoSProfile(
            depth=QUEUE_DEPTH,
            reliability=ReliabilityPolicy.RELIABLE,
            durability=(DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE),
        )
        node.create_subscription(
            message_class(msgtype), topic, self._callback(topic, msgtype), qos, raw=True
        )

    def write(self, topic: str, msgtype: str, time_ns: int, cdr: bytes) -> None:
        """Append one serialized message."""
        with self._lock:
            if self._writer is None or self._failure is not None:
                return
            try:
                self._writer.write(self._connection(topic, msgtype), time_ns, cdr)
            except OSError as error:
                self._failure = error
                return
            self.counts[topic] = self.counts.get(topic, 0) + 1

    def close(self) -> None:
        """Finish the bag, so that others can read it.

        :raises ReplayError: the recording is incomplete, because the disk is full for example.
        """
        with self._lock:
            writer, self._writer = self._writer, None
            if writer is None:
                return
            try:
                writer.close()
            except OSError as error:
                self._failure = self._failure or error
            if self._failure is not None:
                raise ReplayError(f'the recording {self.path} is incomplete: {self._failure}')

    def _callback(self, topic: str, msgtype: str) -> Callable[[Any], None]:
        def record(cdr: bytes) -> None:
            self.write(topic, msgtype, time.time_ns(), cdr)

        return record

    def _connection(self, topic: str, msgtype: str) -> Connection:
        if self._writer is None:
            raise ReplayError(f'the recording {self.path} is closed')
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(
                topic, msgtype, typestore=self._typestore
            )
        return self._connections[topic]
