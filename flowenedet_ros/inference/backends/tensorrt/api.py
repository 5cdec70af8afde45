"""The TensorRT library, whichever of its two names is installed, and what it says."""

import importlib
from collections import deque
from functools import cache
from typing import TYPE_CHECKING, Any

from flowenedet_ros.inference.errors import BackendError

if TYPE_CHECKING:
    import tensorrt

_KEPT_MESSAGES = 8


def import_tensorrt(name: str) -> Any:
    """Import `tensorrt` (10 or 11) or `tensorrt_rtx`, which have the members used here in common.

    :raises BackendError: naming the package to install.
    """
    try:
        return importlib.import_module(name)
    except Exception as error:  # a library that misses another raises whatever it likes
        package = name.replace('_', '-')
        raise BackendError(f'{name} cannot be imported ({error}): pip install {package}') from error


class MessageLog:
    """The library's logger, which keeps the last errors to explain a failure with.

    TensorRT accepts one logger per process, so that this one is shared.
    """

    def __init__(self, trt: Any) -> None:
        errors: deque[str] = deque(maxlen=_KEPT_MESSAGES)
        bad = (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR)

        class Logger(trt.ILogger):  # type: ignore[misc]
            def __init__(self) -> None:
                trt.ILogger.__init__(self)

            def log(self, severity: Any, message: str) -> None:
                if severity in bad:
                    errors.append(message.strip())

        self.logger: tensorrt.ILogger = Logger()
        self._errors = errors

    def take(self) -> str:
        """Give the errors since the last call, or say that there were none."""
        text = '; '.join(self._errors) or 'TensorRT gave no reason'
        self._errors.clear()
        return text


@cache
def message_log(trt: Any) -> MessageLog:
    """Give the process's log for a TensorRT module."""
    return MessageLog(trt)
