"""Ask all configurations in turn, so that what else the machine does falls on all alike."""

import multiprocessing
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import numpy as np

from flowenedet_ros.inference.benchmark.configuration import Configuration
from flowenedet_ros.inference.benchmark.worker import serve

_PAUSE = 0.05  # seconds in which the threads of the last runtime come to rest
_START_LIMIT = 600.0
_CALL_LIMIT = 120.0


@dataclass
class Measured:
    """What a configuration took; times by round."""

    configuration: Configuration
    start_s: float = float('nan')
    peak_rss_mb: float = float('nan')
    wall_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    host_ms: list[float] = field(default_factory=list)
    error: str = ''

    def row(self) -> dict[str, Any]:
        """Give the row as the benchmark's JSON has it."""
        given = self.configuration
        row: dict[str, Any] = {
            'model': given.model,
            'backend': given.backend,
            'precision': given.precision,
            'graph': given.graph,
            'height': given.height,
            'width': given.width,
            'batch': given.batch,
            'network_height': given.network[0],
            'network_width': given.network[1],
        }
        if self.error or not self.wall_ms:
            return row | {'error': self.error or 'not measured'}
        return row | {
            'median_ms': round(float(np.median(self.wall_ms)), 3),
            'p95_ms': round(float(np.percentile(self.wall_ms, 95)), 3),
            'cpu_ms': round(float(np.median(self.cpu_ms)), 3),
            'host_ms': round(float(np.median(self.host_ms)), 3),
            'peak_rss_mb': round(self.peak_rss_mb, 1),
            'start_s': round(self.start_s, 3),
            'calls': len(self.wall_ms),
        }


def measure(
    configurations: Iterable[Configuration],
    rounds: int,
    progress: Callable[[str], None] | None = None,
) -> list[Measured]:
    """Measure all configurations, one call of each in every round.

    A configuration that fails is reported in its row and does not stop the others.

    :param progress: called with what is being done.
    """
    say = progress or (lambda _: None)
    context = multiprocessing.get_context('spawn')
    running: list[_Running] = []
    try:
        for configuration in configurations:
            say(f'start {configuration.name}')
            running.append(_Running(configuration, context))
        for number in range(rounds):
            say(f'round {number + 1} of {rounds}')
            for one in _turn(running, number):
                one.call()
                time.sleep(_PAUSE)
    finally:
        for one in running:
            one.stop()
    return [one.measured for one in running]


def _turn(running: Sequence['_Running'], number: int) -> Sequence['_Running']:
    """Change the order with every other round: none always follows the same neighbour."""
    return running if number % 2 == 0 else running[::-1]


class _Running:
    """A measuring process and the line to it."""

    def __init__(self, configuration: Configuration, context: Any) -> None:
        self.measured = Measured(configuration)
        self._pipe: Connection
        self._pipe, other = context.Pipe()
        self._process: BaseProcess = context.Process(
            target=serve, args=(configuration, other), daemon=True
        )
        self._process.start()
        other.close()
        answer = self._answer(_START_LIMIT)
        self.measured.start_s = answer.get('start_s', float('nan'))

    def call(self) -> None:
        if self.measured.error:
            return
        self._pipe.send(1)
        answer = self._answer(_CALL_LIMIT)
        for times in answer.get('times', []):
            self.measured.wall_ms.append(times['wall_ms'])
            self.measured.cpu_ms.append(times['cpu_ms'])
            self.measured.host_ms.append(times['host_ms'])
        self.measured.peak_rss_mb = answer.get('peak_rss_mb', self.measured.peak_rss_mb)

    def stop(self) -> None:
        if self._process.is_alive() and not self.measured.error:
            self._pipe.send(None)
            self._process.join(5)
        self._process.terminate()

    def _answer(self, limit: float) -> dict[str, Any]:
        try:
            if self._pipe.poll(limit):
                answer: dict[str, Any] = self._pipe.recv()
            else:
                answer = {'error': f'no answer in {limit:.0f} s'}
        except (EOFError, ConnectionResetError):
            self._process.join(5)
            answer = {'error': f'its process ended with status {self._process.exitcode}'}
        self.measured.error = answer.get('error', '')
        return answer


def ratio(one: Measured, other: Measured, what: str = 'wall_ms') -> float:
    """Return the median over rounds of one's time over the other's."""
    pairs = zip(getattr(one, what), getattr(other, what), strict=False)
    values = [a / b for a, b in pairs if b > 0]
    return float(np.median(values)) if values else float('nan')
