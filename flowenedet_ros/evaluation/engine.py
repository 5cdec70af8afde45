"""One process's share of an evaluation: read, run the graph once, score, count."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter
from typing import Protocol, runtime_checkable

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
        if config.threads:
            torch.set_num_threads(config.threads)
        self.source = LogitSource(config.model, config.backend, config.threads)
        self.methods = Methods(self.source, config.methods, config.post)


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
    """Measure frames of a task one by one; a frame that cannot be read is noted and left out."""
    engine = open_engine(config)
    names = task.samples.names
    for index, read in _read_ahead(task.samples, indices):
        tally = Tally()
        waited = perf_counter()
        try:
            _measure(engine, task, read.result(), tally, waited)
        except DataError as error:
            tally = Tally(failed={names[index]: str(error)})
        yield tally


def measure_frames(config: EngineConfig, task: Task, indices: Sequence[int]) -> Tally:
    """Measure frames of a task and add them up."""
    total = Tally()
    for tally in measure_each(config, task, indices):
        total.merge(tally)
    return total


def _measure(engine: Engine, task: Task, sample: Sample, tally: Tally, waited: float) -> None:
    started = perf_counter()
    tally.took('read', started - waited)
    if isinstance(task, Recalls) and (known := task.recall(sample.name)) is not None:
        task.measure(sample, None, known, tally)
    else:
        _measure_anew(engine, task, sample, tally)
    tally.counts['images'] += 1
    tally.frames.setdefault(sample.name, {})


def _measure_anew(engine: Engine, task: Task, sample: Sample, tally: Tally) -> None:
    started = perf_counter()
    tensors = engine.source.run(sample.image)
    segmented = perf_counter()
    scores = engine.methods.score(tensors)
    scored = perf_counter()
    task.measure(sample, tensors, scores, tally)
    tally.counts['nonfinite'] += tensors.nonfinite
    tally.took('graph', segmented - started)
    tally.took('methods', scored - segmented)
    tally.took('metrics', perf_counter() - scored)


def _read_ahead(samples: Samples, indices: Sequence[int]) -> Iterator[tuple[int, 'Future[Sample]']]:
    """Read the next picture while one is being scored; two are in memory at a time."""
    with ThreadPoolExecutor(1) as reader:
        waiting: list[tuple[int, Future[Sample]]] = []
        for index in indices:
            waiting.append((index, reader.submit(samples.__getitem__, index)))
            if len(waiting) > 1:
                yield waiting.pop(0)
        yield from waiting
