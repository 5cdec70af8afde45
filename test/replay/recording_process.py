"""Record a topic until so many messages came; run by a test as a process of its own."""

import sys
import threading
from pathlib import Path

from flowenedet_ros.replay.bag_recorder import record_topic
from flowenedet_ros.replay.bag_writer import BagWriter
from flowenedet_ros.replay.live import LiveNode


class CountingWriter(BagWriter):
    """A writer that tells when it has enough."""

    def __init__(self, path: Path, expected: int) -> None:
        super().__init__(path)
        self._missing = expected
        self.complete = threading.Event()

    def write(self, topic: str, msgtype: str, time_ns: int, cdr: bytes) -> None:
        super().write(topic, msgtype, time_ns, cdr)
        self._missing -= 1
        if self._missing == 0:
            self.complete.set()


def announce(publishers: int) -> None:
    """Tell the test that one more topic is being recorded."""
    if publishers:
        print('matched', flush=True)


def main(path: Path, expected: int, topics: list[str]) -> None:
    with CountingWriter(path, expected) as bag, LiveNode('recorder') as live:
        for pair in topics:
            topic, _, msgtype = pair.partition('=')
            record_topic(live.node, bag, topic, msgtype, on_publishers=announce)
        if not bag.complete.wait(60):
            sys.exit(f'only {sum(bag.counts.values())} of {expected} messages came')


if __name__ == '__main__':
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
