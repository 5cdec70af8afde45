"""Quality of service of every topic, each open to override by `qos_overrides` parameters."""

from rclpy.event_handler import PublisherEventCallbacks
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions


def camera_qos() -> QoSProfile:
    """Take what any camera offers, and only ever its newest frame."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT
    )


def output_qos() -> QoSProfile:
    """Serve reliable and best-effort subscribers alike: RViz, recorders, planners."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=2, reliability=ReliabilityPolicy.RELIABLE
    )


def latched_qos() -> QoSProfile:
    """Give the last message to whoever subscribes later."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=1,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )


def quiet() -> PublisherEventCallbacks:
    """
    Give a publisher no events of its own.

    rclpy's executor looks at two events per publisher whenever it wakes, three times a frame. A
    subscriber whose wishes do not fit is told so by its own side.
    """
    return PublisherEventCallbacks(use_default_callbacks=False)


def overridable() -> QoSOverridingOptions:
    """Let parameters change history, depth and reliability of the topic."""
    return QoSOverridingOptions.with_default_policies()
