"""What the machine is that figures were measured on."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = ('onnxruntime', 'openvino', 'torch', 'tensorrt', 'tensorrt-rtx', 'numpy')


def describe_machine() -> dict[str, Any]:
    """Give processor, cores this process may use, memory, load and versions."""
    return {
        'processor': _first('/proc/cpuinfo', 'model name') or platform.processor(),
        'cores': len(os.sched_getaffinity(0)),
        'memory_gb': round(_kilobytes('MemTotal') / 1e6, 1),
        'load_1min': round(os.getloadavg()[0], 2),
        'system': platform.platform(terse=True),
        'python': platform.python_version(),
        'versions': _versions(),
    }


def processor_flags() -> frozenset[str]:
    """Give what the processor can do, in the words of /proc/cpuinfo."""
    return frozenset(_first('/proc/cpuinfo', 'flags').split())


def _first(path: str, key: str) -> str:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return ''
    return next((line.partition(':')[2].strip() for line in lines if line.startswith(key)), '')


def _kilobytes(key: str) -> int:
    text = _first('/proc/meminfo', key)
    return int(text.split()[0]) if text else 0


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
