"""What every lifecycle transition of the node does with its errors."""

import functools
import traceback
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from flowenedet_ros.inference import FlowEneDetError
from flowenedet_ros.node.parameters import ParameterError


class Reporting(Protocol):
    """A node that logs, and that shows on /diagnostics what it is doing."""

    activity: str

    @property
    def context(self) -> Any:
        """Give the rclpy context."""

    def get_logger(self) -> Any:
        """Give the node's logger."""


NodeType = TypeVar('NodeType', bound=Reporting)
Transition = Callable[[NodeType, LifecycleState], TransitionCallbackReturn]


class InterruptedTransition(RuntimeError):
    """The process is to end while a transition waits."""


def transition(callback: Transition[NodeType]) -> Transition[NodeType]:
    """
    Log what a transition raises and turn it into a return code; rclpy alone would swallow it.

    What the user can put right is a failure, which leaves the state as it was. Anything else is
    an error, after which the node frees everything and can be configured again.
    """

    @functools.wraps(callback)
    def guarded(self: NodeType, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return callback(self, state)
        except InterruptedTransition:
            return TransitionCallbackReturn.FAILURE
        except (FlowEneDetError, ParameterError) as error:
            self.get_logger().error(str(error))
            self.activity = f'failed: {error}'
            return TransitionCallbackReturn.FAILURE
        except Exception as error:
            # What a signal interrupts fails for want of a context; that is no fault.
            if not self.context.ok():
                return TransitionCallbackReturn.FAILURE
            self.get_logger().error(traceback.format_exc())
            self.activity = f'failed: {error}'
            return TransitionCallbackReturn.ERROR

    return guarded
