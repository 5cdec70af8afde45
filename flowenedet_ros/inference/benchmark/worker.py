"""The process that measures one configuration and nothing else."""

import time
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.inference.benchmark.configuration import Configuration


@dataclass(frozen=True)
class Times:
    """Milliseconds of one call.

    :param host_ms: of the wall time, what was spent outside the runtime's own call.
    """

    wall_ms: float
    cpu_ms: float
    host_ms: float


def street(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Give a smooth picture with some noise: flat images make some kernels faster."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    waves = [
        np.sin(rows / height * a + columns / width * b) for a, b in random.uniform(2, 9, (3, 2))
    ]
    smooth = np.stack(waves, axis=-1) * 90 + 128
    return np.clip(smooth + random.normal(0, 8, smooth.shape), 0, 255).astype(np.uint8)


def serve(configuration: Configuration, pipe: Connection) -> None:
    """Load, say so, then answer every number n with the times of n calls, until None comes."""
    try:
        started = time.perf_counter()
        runner = configuration.open()
        images = [
            street(configuration.height, configuration.width, seed)
            for seed in range(configuration.batch)
        ]
        runner.run_batch(images)
        pipe.send({'start_s': time.perf_counter() - started})
        while (calls := pipe.recv()) is not None:
            times = [asdict(_measure(runner, images)) for _ in range(calls)]
            pipe.send({'times': times, 'peak_rss_mb': peak_rss_mb()})
    except EOFError:
        return
    except Exception as error:  # whatever it is, the other configurations go on
        reason = ' '.join(str(error).split())
        pipe.send({'error': f'{type(error).__name__}: {reason}'})


def _measure(runner: Any, images: list[NDArray[np.uint8]]) -> Times:
    cpu, wall = time.process_time(), time.perf_counter()
    perceptions = runner.run_batch(images)
    wall_ms = 1e3 * (time.perf_counter() - wall)
    cpu_ms = 1e3 * (time.process_time() - cpu)
    inside = sum(perception.stage_ms['backend'] for perception in perceptions)
    return Times(wall_ms, cpu_ms, wall_ms - inside)


def peak_rss_mb() -> float:
    """Return the most memory this process ever held; its parent's is no part of it."""
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith('VmHWM:'):
            return int(line.split()[1]) / 1024
    return float('nan')
