"""Entry point of `flowenedet_node`."""

import os
import sys
from contextlib import suppress

import rclpy
from rclpy.exceptions import InvalidParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.logging import get_logger
from rclpy.utilities import get_rmw_implementation_identifier, ok, try_shutdown

from flowenedet_ros.node.flowenedet_node import FlowEneDetNode
from flowenedet_ros.node.parameters import ParameterError
from flowenedet_ros.node.shared_memory import remove_leftovers

OK, FAILED, BAD_ARGUMENTS = 0, 1, 2
SPIN_TURN_S = 0.5
PROFILE = 'FASTRTPS_DEFAULT_PROFILES_FILE'


def main() -> int:
    """
    Run the node until SIGINT, SIGTERM or a shutdown.

    :returns: exit code: 0 after a clean end, 1 where autostart failed, 2 for bad arguments.
    """
    # Ctrl-C and SIGTERM are a clean end at whatever moment they come.
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        try:
            rclpy.init()
        except rclpy_implementation.RCLError as error:
            print(f'flowenedet_node: {error}', file=sys.stderr)
            return BAD_ARGUMENTS
        try:
            return serve()
        except rclpy_implementation.RCLError:
            # What a signal interrupts fails for want of a context.
            if ok():
                raise
        finally:
            try_shutdown()
    return OK


def serve() -> int:
    """Make the node, run it and end its threads; give the exit code."""
    try:
        node = FlowEneDetNode()
    except (ParameterError, InvalidParameterException) as error:
        get_logger('flowenedet').fatal(str(error))
        return BAD_ARGUMENTS
    code = OK
    try:
        code = run(node)
    finally:
        if not node.close():
            # A backend that does not return would keep the interpreter from ending.
            sys.stderr.flush()
            os._exit(code)
    return code


def run(node: FlowEneDetNode) -> int:
    """Start the node where it is to start by itself, and spin it; give the exit code."""
    if get_rmw_implementation_identifier() == 'rmw_fastrtps_cpp':
        care_for_fast_dds(node)
    if node.get_parameter('autostart').value and not node.start():
        return FAILED if ok() else OK
    # Jazzy's EventsExecutor needs less time, but drops the QoS events that lost frames show in.
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    # In turns: on a busy machine a signal sometimes fails to wake an executor that waits for ever.
    while ok():
        executor.spin_once(timeout_sec=SPIN_TURN_S)
    return OK


def care_for_fast_dds(node: FlowEneDetNode) -> None:
    """Say what its profile is needed for, and free what killed processes have left of it."""
    if PROFILE not in os.environ:
        node.get_logger().warning(
            f'{PROFILE} is not set: Fast DDS will lose images over 0.5 MB; use the launch file or '
            'the variables of config/ros.env'
        )
    segments, size = remove_leftovers()
    if segments:
        node.get_logger().info(
            f'removed {segments} shared-memory segments, {size / 1e6:.0f} MB, that killed '
            'processes had left in /dev/shm'
        )
