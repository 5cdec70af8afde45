"""The node's counters, as it reports them on /diagnostics."""

import threading
import time
from collections.abc import Callable, Mapping

from diagnostic_msgs.msg import DiagnosticArray, KeyValue
from rclpy.node import Node

from flowenedet_ros.replay.accounts import frames

Counters = Mapping[str, str]


class CounterWatch:
    """Keep the newest report of one node.

    :param node: a node that is being spun.
    :param name: the reporting node's name; its status names are "name: item".
    """

    def __init__(self, node: Node, name: str) -> None:
        self._name = name.strip('/')
        self._changed = threading.Condition()
        self._values: dict[str, str] = {}
        node.create_subscription(DiagnosticArray, '/diagnostics', self._on_report, 10)

    @property
    def values(self) -> dict[str, str]:
        """Everything reported so far, by key, the newest value of each."""
        with self._changed:
            return dict(self._values)

    def wait_for(self, reached: Callable[[Counters], bool], timeout_s: float) -> bool:
        """Wait until a report satisfies `reached`; say whether one did."""
        with self._changed:
            return self._changed.wait_for(lambda: reached(self._values), timeout_s)

    def wait_until_settled(
        self, settled: Callable[[Counters], bool], timeout_s: float, patience_s: float
    ) -> bool:
        """Wait like `wait_for`, but give up when no number has moved for `patience_s`."""
        deadline = time.monotonic() + timeout_s
        while (left_s := deadline - time.monotonic()) > 0:
            seen = frames(self.values)
            moved = self.wait_for(_settled_or_other_than(settled, seen), min(patience_s, left_s))
            if not moved or settled(self.values):
                break
        return settled(self.values)

    def _on_report(self, message: DiagnosticArray) -> None:
        with self._changed:
            for status in message.status:
                if status.name.partition(': ')[0].lstrip('/') == self._name:
                    self._values.update(_pairs(status.values))
            self._changed.notify_all()


def _settled_or_other_than(
    settled: Callable[[Counters], bool], seen: tuple[int, ...]
) -> Callable[[Counters], bool]:
    return lambda values: settled(values) or frames(values) != seen


def _pairs(values: list[KeyValue]) -> dict[str, str]:
    return {pair.key: pair.value for pair in values}
