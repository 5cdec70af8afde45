"""What runs on this machine, for tests of what is left running."""

import time
from collections.abc import Callable
from pathlib import Path


def processes_with(argument: Path) -> dict[int, str]:
    """Give the command lines of running processes that name a path, by process id."""
    found = {}
    for folder in Path('/proc').glob('[0-9]*'):
        try:
            line = (folder / 'cmdline').read_text(errors='replace')
        except OSError:  # it has just ended
            continue
        if str(argument) in line:
            found[int(folder.name)] = line
    return found


def until(met: Callable[[], bool], what: str) -> None:
    """Wait for a condition; fail with the name of it where two minutes do not bring it."""
    deadline = time.monotonic() + 120
    while not met():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
