"""The report on /diagnostics (REP 107): once a second, whatever the worker does."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from flowenedet_ros.node.qos import quiet

LEVELS = {
    'ok': DiagnosticStatus.OK,
    'warn': DiagnosticStatus.WARN,
    'error': DiagnosticStatus.ERROR,
}
PERIOD = 1.0


@dataclass
class Item:
    """
    One status: figures, and complaints that raise its level.

    :param name: of the item; the node's name is put before it.
    :param summary: the message while there is nothing to complain about.
    """

    name: str
    summary: str
    values: dict[str, object] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def status(self, node_name: str, hardware_id: str) -> DiagnosticStatus:
        """Give the message; every complaint stands in its text."""
        level = 'error' if self.errors else 'warn' if self.warnings else 'ok'
        return DiagnosticStatus(
            level=LEVELS[level],
            name=f'{node_name}: {self.name}',
            message='; '.join([*self.errors, *self.warnings]) or self.summary,
            hardware_id=hardware_id,
            values=_pairs(self.values),
        )


class Heartbeat:
    """
    Publish a report each second from a thread of its own.

    Neither a worker that hangs nor an executor that waits for a model to load can silence it, and
    simulated time that stands still cannot either.

    :param report: gives the items; called on the heartbeat's thread.
    """

    def __init__(self, node: Node, report: Callable[[], list[Item]], hardware_id: str) -> None:
        self._node = node
        self._report = report
        self._hardware_id = hardware_id
        self._name = node.get_fully_qualified_name().lstrip('/')
        self._publisher = node.create_publisher(
            DiagnosticArray, '/diagnostics', 10, event_callbacks=quiet()
        )
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name='flowenedet-heartbeat', daemon=True)
        self._thread.start()

    def beat(self) -> None:
        """Report now: something has changed."""
        self._wake.set()

    def stop(self) -> None:
        """End the thread after a last report."""
        self._stopping = True
        self._wake.set()
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        while True:
            self._wake.wait(PERIOD)
            self._wake.clear()
            if not self._node.context.ok():
                return
            try:
                self._publish()
            # The heartbeat outlives everything but the context, which Ctrl-C may end in between.
            except Exception as error:
                if not self._node.context.ok():
                    return
                self._node.get_logger().error(f'no diagnostics: {error!r}')
            if self._stopping:
                return

    def _publish(self) -> None:
        message = DiagnosticArray()
        message.header.stamp = self._node.get_clock().now().to_msg()
        message.status = [item.status(self._name, self._hardware_id) for item in self._report()]
        self._publisher.publish(message)


def _pairs(values: Mapping[str, object]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_text(value)) for key, value in values.items()]


def _text(value: object) -> str:
    return f'{value:.3f}' if isinstance(value, float) else str(value)
