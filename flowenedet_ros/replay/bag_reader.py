"""Reading recorded bags: rosbag2 folders, `.mcap` and `.db3` files."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rosbags.highlevel import AnyReader
from rosbags.interfaces import Connection
from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.store import Typestore

from flowenedet_ros.replay.errors import ReplayError

IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED_IMAGE = 'sensor_msgs/msg/CompressedImage'
CAMERA_INFO = 'sensor_msgs/msg/CameraInfo'
STRING = 'std_msgs/msg/String'
# Images that are no pictures: a camera topic beside them is what the user means.
NOT_A_CAMERA = ('depth', 'disparity', 'mask', 'score', 'segmentation')


@dataclass(frozen=True)
class BagMessage:
    """One recorded message, still serialized."""

    topic: str
    msgtype: str
    time_ns: int
    cdr: bytes


class BagReader:
    """A bag opened for reading; it is never written to.

    :param path: rosbag2 folder, `.mcap` file or `.db3` file.
    :raises ReplayError: the path is no readable ROS 2 bag.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            raise ReplayError(f'there is no bag at {path}')
        if path.suffix == '.bag':
            raise ReplayError(
                f'{path} is a ROS 1 bag: convert it with `rosbags-convert --src {path} --dst NEW`'
            )
        if path.is_dir() and not (path / 'metadata.yaml').is_file():
            raise ReplayError(
                f'{path} is no rosbag2 folder: it has no metadata.yaml '
                '(give the .mcap or .db3 file inside it, or run `ros2 bag reindex`)'
            )
        # A damaged foreign file can fail anywhere in the reader, with any exception.
        try:
            self._reader = AnyReader([path], default_typestore=get_typestore(Stores.ROS2_JAZZY))
            self._reader.open()
        except Exception as error:
            raise ReplayError(f'{path} cannot be read as a rosbag2 bag: {_text(error)}') from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._reader.close()

    @property
    def connections(self) -> list[Connection]:
        """The recorded topics with their types, definitions and counts."""
        return self._reader.connections

    @property
    def typestore(self) -> Typestore:
        """The message types that the bag describes, else those of ROS 2 Jazzy."""
        return self._reader.typestore

    @property
    def message_count(self) -> int:
        """Number of recorded messages on all topics."""
        return self._reader.message_count

    @property
    def start_ns(self) -> int:
        """Time of the first message."""
        return self._reader.start_time

    @property
    def end_ns(self) -> int:
        """Time just after the last message."""
        return self._reader.end_time

    def image_topic(self, topic: str | None = None) -> Connection:
        """Find the camera: the topic named, else the image topic with the most frames.

        :raises ReplayError: no such topic, or none with images; the message lists the topics.
        """
        images = [c for c in self.connections if c.msgtype in (IMAGE, COMPRESSED_IMAGE)]
        if topic is not None:
            wanted = '/' + topic.strip('/')
            for connection in images:
                if connection.topic == wanted:
                    return connection
            raise ReplayError(f'{self.path} has no image topic {wanted}; {self._listing(images)}')
        filled = [connection for connection in images if connection.msgcount]
        if not filled:
            raise ReplayError(f'{self.path} has no images; {self._listing(images)}')
        return min(filled, key=_unlike_a_camera)

    def camera_info_topic(self, image: Connection) -> Connection | None:
        """Find the CameraInfo beside an image topic: the `camera_info` of the same namespace."""
        wanted = camera_info_name(image.topic)
        for connection in self.connections:
            if connection.msgtype == CAMERA_INFO and connection.topic == wanted:
                return connection
        return None

    def messages(self, connections: Collection[Connection] = ()) -> Iterator[BagMessage]:
        """Yield the messages of these topics (of all topics where none is given) in time order.

        :raises ReplayError: the file is damaged from here on.
        """
        source = self._reader.messages(list(connections) or self.connections)
        while True:
            try:
                connection, time_ns, cdr = next(source)
            except StopIteration:
                return
            except Exception as error:
                raise ReplayError(f'{self.path} is damaged: {_text(error)}') from error
            yield BagMessage(connection.topic, connection.msgtype, time_ns, bytes(cdr))

    def decode(self, message: BagMessage) -> Any:
        """Deserialize a message into rosbags' dataclass of its type.

        :raises ReplayError: the bytes do not fit the type.
        """
        try:
            return self.typestore.deserialize_cdr(message.cdr, message.msgtype)
        except Exception as error:
            raise ReplayError(
                f'a message on {message.topic} is no {message.msgtype}: {_text(error)}'
            ) from error

    def _listing(self, images: Collection[Connection]) -> str:
        shown = images or self.connections
        what = 'its image topics' if images else 'its topics'
        names = ', '.join(f'{c.topic} ({c.msgtype}, {c.msgcount})' for c in shown)
        return f'{what}: {names or "none"}'


def camera_info_name(image_topic: str) -> str:
    """Give the topic that image_transport's drivers use beside an image topic."""
    return image_topic.removesuffix('/compressed').rpartition('/')[0] + '/camera_info'


def _unlike_a_camera(connection: Connection) -> tuple[bool, int, bool, str]:
    unlikely = any(word in connection.topic.lower() for word in NOT_A_CAMERA)
    return unlikely, -connection.msgcount, connection.msgtype != IMAGE, connection.topic


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__
