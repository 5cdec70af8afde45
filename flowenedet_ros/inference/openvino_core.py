"""The process's one OpenVINO core."""

from functools import cache
from typing import Any


@cache
def openvino_core() -> Any:
    """Return the `openvino.Core` that all of this process share, made at the first call.

    The CPU plugin of a core moves its thread's signal stack to memory of its own and moves it back
    when the core ends. Cores that do not end in the reverse order of their making leave the thread
    with a stack that is gone, and its next signal kills the process; one that never ends cannot.

    :raises ImportError: OpenVINO is not installed.
    """
    import openvino  # type: ignore[import-untyped]

    return openvino.Core()
