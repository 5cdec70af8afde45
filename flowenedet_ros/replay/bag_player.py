"""Playing a recorded camera into live topics, with its own timing and without decoding it."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rclpy.event_handler import PublisherEventCallbacks, QoSPublisherMatchedInfo
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, ReliabilityPolicy

from flowenedet_ros.replay.bag_reader import (
    CAMERA_INFO,
    COMPRESSED_IMAGE,
    IMAGE,
    BagMessage,
    BagReader,
)
from flowenedet_ros.replay.errors import ReplayError
from flowenedet_ros.replay.live import message_class
from flowenedet_ros.replay.messages import header_stamp_ns, with_header_stamp

STAMPED = (IMAGE, COMPRESSED_IMAGE, CAMERA_INFO)
CLOCK = 'rosgraph_msgs/msg/Clock'
CLOCK_PERIOD_S = 0.01


@dataclass(frozen=True)
class PlayOptions:
    """How a bag is played."""

    rate: float = 1.0
    loops: int = 1
    # Publish the bag's time on /clock, for nodes with `use_sim_time`.
    clock: bool = False
    # Set header stamps to the sending time, as a live camera would.
    restamp: bool = False


@dataclass
class PlayCounts:
    """What has been sent, by live topic."""

    sent: dict[str, int] = field(default_factory=dict)
    duration_s: float = 0.0


class BagPlayer:
    """Publish the messages of a bag as they lie in it.

    :param node: a node that is being spun; its publishers are made here.
    :param reader: the bag.
    :param routes: live topic of each bag topic that is to be played.
    :param on_sent: called with every message as sent, under its live topic.
    :raises ReplayError: a topic's type is not installed.
    """

    def __init__(
        self,
        node: Node,
        reader: BagReader,
        routes: Mapping[str, str],
        options: PlayOptions | None = None,
        on_sent: Callable[[BagMessage], None] | None = None,
    ) -> None:
        self._node = node
        self._reader = reader
        self._options = options or PlayOptions()
        self._on_sent = on_sent
        self._routes = dict(routes)
        self._connections = [c for c in reader.connections if c.topic in self._routes]
        self._matched = threading.Condition()
        self._subscribers: dict[str, int] = {}
        self._publishers = {
            c.topic: self._publisher(self._routes[c.topic], c.msgtype) for c in self._connections
        }
        self._clock = self._publisher('/clock', CLOCK) if self._options.clock else None
        self._stamps = _Restamper(node)
        self.counts = PlayCounts(sent=dict.fromkeys(self._routes.values(), 0))

    def wait_for_subscriber(self, topic: str, timeout_s: float) -> bool:
        """Wait for DDS to report a subscriber of a live topic; say whether one came."""
        with self._matched:
            return self._matched.wait_for(lambda: self._subscribers.get(topic, 0) > 0, timeout_s)

    def play(self, stop: threading.Event | None = None) -> PlayCounts:
        """Send everything at the recorded pace, until the end or until `stop` is set.

        :raises ReplayError: the bag is damaged; what lies before the damage has been sent.
        """
        stop = stop or threading.Event()
        begin = time.monotonic()
        try:
            for _ in range(self._options.loops):
                self._play_once(stop)
        finally:
            self.counts.duration_s = time.monotonic() - begin
        return self.counts

    def _play_once(self, stop: threading.Event) -> None:
        pace: _Pace | None = None
        for message in self._reader.messages(self._connections):
            if pace is None:
                pace = _Pace(message.time_ns, self._options.rate)
            if not self._wait_until(message.time_ns, pace, stop):
                return
            self._send(message)

    def _wait_until(self, time_ns: int, pace: '_Pace', stop: threading.Event) -> bool:
        while not stop.is_set():
            wait_s = pace.seconds_until(time_ns)
            if self._clock is not None:
                self._tell_time(min(time_ns, pace.bag_time()))
                wait_s = min(wait_s, CLOCK_PERIOD_S)
            if wait_s <= 0:
                return True
            stop.wait(wait_s)
        return False

    def _send(self, message: BagMessage) -> None:
        cdr = message.cdr
        if self._options.restamp and message.msgtype in STAMPED:
            cdr = self._stamps.restamp(message)
        live = self._routes[message.topic]
        self._publishers[message.topic].publish(cdr)
        self.counts.sent[live] += 1
        if self._on_sent is not None:
            self._on_sent(BagMessage(live, message.msgtype, message.time_ns, cdr))

    def _publisher(self, topic: str, msgtype: str) -> Publisher:
        try:
            kind = message_class(msgtype)
        except (ImportError, AttributeError) as error:
            raise ReplayError(f'{topic}: the type {msgtype} is not installed here') from error

        def matched(info: QoSPublisherMatchedInfo) -> None:
            with self._matched:
                self._subscribers[topic] = info.current_count
                self._matched.notify_all()

        qos = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
        events = PublisherEventCallbacks(matched=matched)
        return self._node.create_publisher(kind, topic, qos, event_callbacks=events)

    def _tell_time(self, time_ns: int) -> None:
        if self._clock is not None:
            message = message_class(CLOCK)()
            message.clock.sec, message.clock.nanosec = divmod(time_ns, 10**9)
            self._clock.publish(message)


class _Pace:
    """When a recorded moment comes, on this machine's monotonic clock."""

    def __init__(self, first_ns: int, rate: float) -> None:
        self._first_ns = first_ns
        self._rate = rate
        self._begin = time.monotonic()

    def seconds_until(self, time_ns: int) -> float:
        due = self._begin + (time_ns - self._first_ns) / 1e9 / self._rate
        return due - time.monotonic()

    def bag_time(self) -> int:
        elapsed = (time.monotonic() - self._begin) * self._rate
        return self._first_ns + int(elapsed * 1e9)


class _Restamper:
    """Give messages the time of sending; an image and its camera_info stay of one moment."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._recorded_ns = -1
        self._stamp_ns = 0
        self._topics: set[str] = set()

    def restamp(self, message: BagMessage) -> bytes:
        recorded_ns = header_stamp_ns(message.cdr)
        if recorded_ns != self._recorded_ns or message.topic in self._topics:
            self._recorded_ns = recorded_ns
            self._stamp_ns = self._node.get_clock().now().nanoseconds
            self._topics.clear()
        self._topics.add(message.topic)
        return with_header_stamp(message.cdr, self._stamp_ns)
