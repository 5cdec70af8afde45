"""Writing serialized messages into a new mcap bag."""

import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer, WriterError
from rosbags.typesys import Stores, get_typestore

from flowenedet_ros.replay.errors import ReplayError


class BagWriter:
    """Write messages into a new bag.

    Messages may come from several threads. A full disk stops the writing but not the caller:
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
        self._writer: Writer | None = _open(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except ReplayError:
            if error is None:
                raise

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

    def write_now(self, topic: str, msgtype: str, cdr: bytes) -> None:
        """Append one serialized message under this moment's time."""
        self.write(topic, msgtype, time.time_ns(), cdr)

    def close(self) -> None:
        """Finish the bag, so that others can read it.

        :raises ReplayError: the bag is incomplete, because the disk is full for example.
        """
        with self._lock:
            writer, self._writer = self._writer, None
            if writer is None:
                return
            try:
                # After a failed write an index would point at bytes that are not there.
                writer.close() if self._failure is None else writer.abort()
            except OSError as error:
                self._failure = self._failure or error
            if self._failure is not None:
                raise ReplayError(f'the bag {self.path} is incomplete: {self._failure}')

    def _connection(self, topic: str, msgtype: str) -> Connection:
        if self._writer is None:
            raise ReplayError(f'{self.path} is closed already')
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(
                topic, msgtype, typestore=self._typestore
            )
        return self._connections[topic]


def _open(path: Path) -> Writer:
    try:
        writer = Writer(path, version=9, storage_plugin=StoragePlugin.MCAP)
        writer.open()
    except (OSError, WriterError) as error:
        raise ReplayError(f'cannot write a bag at {path}: {error}') from error
    return writer
