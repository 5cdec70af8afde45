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
    :param name: the reporting node's name; its status names begin with it.
    """

    def __init__(self, node: Node, name: str) -> None:
        self._name = name
        self._changed = threading.Condition()
        self._values: dict[str, str] = {}
        node.create_subscription(DiagnosticArray, '/diagnostics', self._on_report, 10)

    @property
    def values(self) -> dict[str, str]:
        """Everything reported so far, by key, the newest value of each."""
        with self._changed:
            return dict(self._values)

    def wait_for(
        self, reached: Callable[[Counters], bool], timeout_s: float, patience_s: float
    ) -> bool:
        """Wait until a report satisfies `reached`; say whether one did.

        :param timeout_s: longest wait.
        :param patience_s: give up earlier when no number has moved for so long.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not reached(self._values):
                quiet_s = min(patience_s, deadline - time.monotonic())
                if quiet_s <= 0 or not self._moved(frames(self._values), quiet_s):
                    return reached(self._values)
        return True

    def _moved(self, seen: tuple[int, ...], timeout_s: float) -> bool:
        return self._changed.wait_for(lambda: frames(self._values) != seen, timeout_s)

    def _on_report(self, message: DiagnosticArray) -> None:
        with self._changed:
            for status in message.status:
                if status.name.lstrip('/').startswith(self._name.strip('/')):
                    self._values.update(_pairs(status.values))
            self._changed.notify_all()


def _pairs(values: list[KeyValue]) -> dict[str, str]:
    return {pair.key: pair.value for pair in values}
