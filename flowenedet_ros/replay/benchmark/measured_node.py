"""The node's process and the processor time it takes."""

import os
from pathlib import Path

from flowenedet_ros.replay.node_process import NodeProcess

# Places of `utime` and `stime` among the fields after the command name, see proc(5).
_UTIME, _STIME = 11, 12


class MeasuredNode(NodeProcess):
    """A running node whose processor time can be read."""

    def cpu_seconds(self) -> float:
        """Give the processor time of all its threads so far, in user space and kernel."""
        text = Path(f'/proc/{self._process.pid}/stat').read_text(encoding='ascii')
        fields = text.rpartition(')')[2].split()
        return (int(fields[_UTIME]) + int(fields[_STIME])) / os.sysconf('SC_CLK_TCK')
