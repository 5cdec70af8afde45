"""The lifecycle node as a process of its own."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from flowenedet_ros.replay.environment import node_executable
from flowenedet_ros.replay.errors import ReplayError

STOP_TIMEOUT_S = 5.0
LINES_SHOWN = 12


class NodeProcess:
    """A running `flowenedet_node`.

    :param parameters: ROS parameters, written as `-p name:=value`.
    :param remaps: topics of the node and what they are called instead.
    :param log: file that takes what the node prints.
    :raises ReplayError: the node is not built.
    """

    def __init__(
        self,
        parameters: Mapping[str, str],
        remaps: Mapping[str, str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        parameter_file: Path | None = None,
    ) -> None:
        self.log = log
        command = [str(node_executable()), '--ros-args']
        if parameter_file is not None:
            command += ['--params-file', str(parameter_file)]
        command += _flags('-p', parameters) + _flags('-r', remaps)
        with log.open('wb') as output:
            self._process = subprocess.Popen(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment or os.environ),
                # Ctrl-C is for us: the node is stopped when its last frames are counted.
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def exit_code(self) -> int | None:
        """None while the node runs."""
        return self._process.poll()

    def check(self) -> None:
        """Do nothing while the node runs.

        :raises ReplayError: it has ended; the message carries its last lines.
        """
        if self.exit_code is not None:
            raise ReplayError(
                f'the node ended with exit code {self.exit_code}; its last lines:\n{self.tail()}'
            )

    def tail(self) -> str:
        """Give the last lines that the node printed."""
        lines = self.log.read_text(encoding='utf-8', errors='replace').splitlines()
        return '\n'.join(f'  {line}' for line in lines[-LINES_SHOWN:])

    def stop(self) -> int:
        """End the node as Ctrl-C does, by force where it does not listen; give its exit code."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def _flags(flag: str, pairs: Mapping[str, str]) -> list[str]:
    return [word for name, value in pairs.items() for word in (flag, f'{name}:={value}')]
