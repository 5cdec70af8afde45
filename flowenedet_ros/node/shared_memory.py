"""What processes that were killed leave in Fast DDS's shared memory."""

import fcntl
import re
import time
from pathlib import Path

FOLDER = Path('/dev/shm')
# The owner of a segment holds a lock on the file of this name for as long as it lives.
LOCK = re.compile(r'fastrtps_[0-9a-f]{16}_el')
# A process that is just starting makes the file a moment before it locks it.
YOUNGEST_S = 10.0


def remove_leftovers(folder: Path = FOLDER, youngest_s: float = YOUNGEST_S) -> tuple[int, int]:
    """
    Remove the segments whose process is gone, as `fastdds shm clean` does.

    Each is as large as the profile says, 67 MB, and stays until the machine is restarted: a node
    that a watchdog kills and restarts would fill the memory. Ports, which are small, are left to
    Fast DDS: it makes those of dead processes anew.

    :param youngest_s: age in seconds from which on a segment without an owner counts as left.
    :returns: number of segments and their size in bytes.
    """
    removed = size = 0
    try:
        locks = [path for path in folder.iterdir() if LOCK.fullmatch(path.name)]
    except OSError:
        return 0, 0
    for lock in locks:
        segment = lock.with_name(lock.name.removesuffix('_el'))
        # Another user's files, or another process that cleans at the same time.
        try:
            if time.time() - lock.stat().st_mtime < youngest_s or not _unowned(lock):
                continue
            bytes_held = segment.stat().st_size
            segment.unlink()
            lock.unlink()
        except OSError:
            continue
        removed, size = removed + 1, size + bytes_held
    return removed, size


def _unowned(lock: Path) -> bool:
    with lock.open('ab') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
