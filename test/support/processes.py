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


def node_has_joined(argument: Path) -> bool:
    """Whether a node that names a path has the threads of its middleware: signals reach it now."""
    return any(
        'flowenedet_node' in line and len(list(Path(f'/proc/{number}/task').glob('*'))) > 4
        for number, line in processes_with(argument).items()
    )


def until(met: Callable[[], bool], what: str) -> None:
    """Wait for a condition; fail with the name of it where two minutes do not bring it."""
    deadline = time.monotonic() + 120
    while not met():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
