"""What Linux says of this process."""

import os
import time
from pathlib import Path

STAT, STATUS = Path('/proc/self/stat'), Path('/proc/self/status')
# Place of `starttime` among the fields after the command name, see proc(5).
START_TIME = 19


def seconds_since_start() -> float:
    """Give the seconds since the process was started, imports included."""
    fields = STAT.read_text().rpartition(')')[2].split()
    started = int(fields[START_TIME]) / os.sysconf('SC_CLK_TCK')
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def resident_mib() -> float:
    """Give the resident memory of the process in MiB."""
    for line in STATUS.read_text().splitlines():
        if line.startswith('VmRSS:'):
            return int(line.split()[1]) / 1024
    return float('nan')
