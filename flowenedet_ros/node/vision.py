"""The messages of vision_msgs, where the robot has that package."""

import importlib
from typing import Any


def _import() -> Any:
    try:
        return importlib.import_module('vision_msgs.msg')
    except ImportError:
        return None


messages: Any = _import()
"""The module `vision_msgs.msg`, or None."""
