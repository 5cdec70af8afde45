"""Where the shares of an evaluation run: here, in processes, or on the machines of a Ray cluster.

Whatever runs them, the sums are the same, to the last digit.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from functools import lru_cache
from multiprocessing import get_context
from typing import Any

from flowenedet_ros.evaluation.engine import EngineConfig, Task, measure_each, measure_frames
from flowenedet_ros.evaluation.errors import EvaluationError
from flowenedet_ros.evaluation.tally import Tally

Shares = Sequence[Sequence[int]]


def run_here(config: EngineConfig, task: Task, indices: Sequence[int]) -> Iterator[Tally]:
    """Measure frames one after the other."""
    return measure_each(config, task, indices)


def run_processes(
    config: EngineConfig, task: Task, shares: Shares, workers: int
) -> Iterator[Tally]:
    """Measure shares in processes of this machine, two waiting for each process."""
    pool = _pool(workers)
    waiting: deque[Future[Tally]] = deque()
    try:
        for share in shares:
            waiting.append(pool.submit(measure_frames, config, task, share))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


@lru_cache(maxsize=1)
def _pool(workers: int) -> ProcessPoolExecutor:
    """Start processes that serve all sets of a benchmark: each loads the bundle once."""
    # A forked child would inherit the runtimes' threads in an unknown state.
    return ProcessPoolExecutor(workers, get_context('spawn'))


def run_ray(
    config: EngineConfig, task: Task, shares: Shares, workers: int, address: str
) -> Iterator[Tally]:
    """Measure shares on a Ray cluster.

    :param workers: shares under way at once.
    :param address: of the cluster as Ray takes it; 'local' starts one on this machine.
    :raises EvaluationError: where Ray is not installed or the cluster does not answer.
    """
    ray = _connect(address, workers)
    measure = ray.remote(num_cpus=max(1, config.threads))(measure_frames)
    held = ray.put(task)
    waiting: list[Any] = []
    try:
        for share in shares:
            waiting.append(measure.remote(config, held, list(share)))
            if len(waiting) >= workers:
                done, waiting = ray.wait(waiting)
                yield from ray.get(done)
        while waiting:
            done, waiting = ray.wait(waiting)
            yield from ray.get(done)
    finally:
        for reference in waiting:
            ray.cancel(reference)


@lru_cache(maxsize=1)
def _connect(address: str, workers: int) -> Any:
    try:
        import ray  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise EvaluationError(
            f"--ray needs Ray ({error}): pip install 'flowenedet_ros[ray]'"
        ) from error
    options: dict[str, Any] = {'include_dashboard': False, 'num_cpus': workers}
    try:
        ray.init(address, log_to_driver=False, **(options if address == 'local' else {}))
    except Exception as error:  # Ray raises many kinds
        raise EvaluationError(f'no Ray cluster answers at {address}: {error}') from error
    return ray
