"""A rclpy node of ours, spun in the background, that ends without aborting the process."""

import importlib
import threading
from types import TracebackType
from typing import Any, Self

import rclpy
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions


class LiveNode:
    """A node in a context of its own, whose callbacks run in one background thread.

    Process-wide signal handling stays with the caller, so that Ctrl-C raises KeyboardInterrupt.

    :param name: node name.
    :param domain_id: DDS domain; without it that of ROS_DOMAIN_ID.
    """

    def __init__(self, name: str, domain_id: int | None = None) -> None:
        self._context = Context()
        rclpy.init(
            context=self._context,
            domain_id=domain_id,
            signal_handler_options=SignalHandlerOptions.NO,
        )
        self.node = Node(
            name, context=self._context, use_global_arguments=False, enable_rosout=False
        )
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, name=f'{name} executor', daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the thread first: an interpreter that exits under a spinning executor aborts."""
        self._context.try_shutdown()
        self._thread.join()
        self._executor.shutdown()
        self.node.destroy_node()

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return


def message_class(msgtype: str) -> type[Any]:
    """Import the rclpy class of a type such as `sensor_msgs/msg/Image`.

    :raises ImportError: the package of that type is not installed.
    :raises AttributeError: the package has no such type.
    """
    package, kind, name = msgtype.split('/')
    found: type[Any] = getattr(importlib.import_module(f'{package}.{kind}'), name)
    return found
