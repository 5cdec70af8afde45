"""One process's share of an evaluation: read, run the graph once, score, count."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter
from typing import Any, Protocol, runtime_checkable

import cv2
import torch

from flowenedet_ros.data.errors import DataError
from flowenedet_ros.data.folder import Sample
from flowenedet_ros.evaluation.frames import Samples
from flowenedet_ros.evaluation.methods import Methods, Scores
from flowenedet_ros.evaluation.source import LogitSource, Tensors
from flowenedet_ros.evaluation.tally import Tally


@dataclass(frozen=True)
class EngineConfig:
    """What to run; equal in every process of an evaluation.

    :param model: a bundled model's name or a folder.
    :param methods: names, or `('all',)`.
    :param threads: of the CPU in each process; 0 leaves the choice to the runtime.
    """

    model: str
    methods: tuple[str, ...] = ('all',)
    post: str = 'none'
    backend: str = 'auto'
    threads: int = 0


class Engine:
    """A bundle and the methods to compare on it."""

    def __init__(self, config: EngineConfig) -> None:
        # The methods run beside the graph, which has the other threads.
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        self.source = LogitSource(config.model)
        self.methods = Methods(self.source, config.methods, config.post)
        self.source.open(self.methods.features, config.backend, config.threads)


class Task(Protocol):
    """A benchmark as seen from one process; it travels to other processes by pickle."""

    @property
    def samples(self) -> Samples:
        """What is measured."""
        ...

    def measure(
        self, sample: Sample, tensors: Tensors, scores: dict[str, Scores], tally: Tally
    ) -> None:
        """Count one frame.

        :raises DataError: where the labels are not what the benchmark's are; nothing was counted.
        """
        ...


@runtime_checkable
class Recalls(Protocol):
    """A second pass over frames whose scores are on disk."""

    def recall(self, name: str) -> dict[str, Scores] | None:
        """Return the scores of a frame, None where the graph has to be run."""
        ...

    def measure(
        self, sample: Sample, tensors: Tensors | None, scores: dict[str, Scores], tally: Tally
    ) -> None:
        """Count one frame, with tensors only if the graph was run."""
        ...


@lru_cache(maxsize=1)
def open_engine(config: EngineConfig) -> Engine:
    """Load a bundle once in a process."""
    return Engine(config)


def measure_each(config: EngineConfig, task: Task, indices: Sequence[int]) -> Iterator[Tally]:
    """Measure frames of a task one by one; a frame that cannot be read is noted and left out.

    While the graph runs on one frame, the next is read and the one before is scored and counted.
    """
    engine = open_engine(config)
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as counter:
        scored: Future[Tally] | None = None
        for name, read in _read_ahead(reader, task.samples, indices):
            current = _begin(engine, task, name, read, counter)
            if scored is not None:
                yield scored.result()
            scored = current
        if scored is not None:
            yield scored.result()


def measure_frames(config: EngineConfig, task: Task, indices: Sequence[int]) -> Tally:
    """Measure frames of a task and add them up."""
    total = Tally()
    for tally in measure_each(config, task, indices):
        total.merge(tally)
    return total


def _begin(
    engine: Engine, task: Task, name: str, read: 'Future[Sample]', counter: ThreadPoolExecutor
) -> 'Future[Tally]':
    """Run the graph on a frame and hand it on to be counted."""
    waited = perf_counter()
    try:
        sample = read.result()
    except DataError as error:
        return counter.submit(Tally, failed={name: str(error)})
    started = perf_counter()
    if isinstance(task, Recalls) and (known := task.recall(sample.name)) is not None:
        return counter.submit(_counted, task, sample, None, known)
    tensors = engine.source.run(sample.image)
    times = {'read': started - waited, 'graph': perf_counter() - started}
    return counter.submit(_scored, engine, task, sample, tensors, times)


def _scored(
    engine: Engine, task: Task, sample: Sample, tensors: Tensors, times: dict[str, float]
) -> Tally:
    started = perf_counter()
    scores = engine.methods.score(tensors)
    scored = perf_counter()
    tally = _counted(task, sample, tensors, scores)
    tally.counts['nonfinite'] += tensors.nonfinite
    times = {**times, 'methods': scored - started, 'metrics': perf_counter() - scored}
    for stage, seconds in times.items():
        tally.took(stage, seconds)
    return tally


def _counted(
    task: Any, sample: Sample, tensors: Tensors | None, scores: dict[str, Scores]
) -> Tally:
    tally = Tally()
    try:
        task.measure(sample, tensors, scores, tally)
    except DataError as error:
        return Tally(failed={sample.name: str(error)})
    tally.counts['images'] += 1
    tally.frames.setdefault(sample.name, {})
    return tally


def _read_ahead(
    reader: ThreadPoolExecutor, samples: Samples, indices: Sequence[int]
) -> Iterator[tuple[str, 'Future[Sample]']]:
    """Read one picture ahead."""
    names = samples.names
    waiting: list[tuple[str, Future[Sample]]] = []
    for index in indices:
        waiting.append((names[index], reader.submit(samples.__getitem__, index)))
        if len(waiting) > 1:
            yield waiting.pop(0)
    yield from waiting
