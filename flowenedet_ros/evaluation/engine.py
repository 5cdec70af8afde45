"""One process's share of an evaluation: read, run the graph once, score, count."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter
from typing import Any, Protocol, runtime_checkable

import cv2
import torch

from flowenedet_ros.data.errors import DataError
from flowenedet_ros.data.folder import Sample
from flowenedet_ros.evaluation.frames import Samples
from flowenedet_ros.evaluation.graph_runs import LANES
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
    """Measure frames of a task, some side by side, and give their tallies in order.

    A frame that cannot be read is noted and left out.
    """
    engine = open_engine(config)
    names = task.samples.names
    with ThreadPoolExecutor(LANES) as lanes:
        yield from lanes.map(lambda index: _measure(engine, task, names[index], index), indices)


def measure_frames(config: EngineConfig, task: Task, indices: Sequence[int]) -> Tally:
    """Measure frames of a task and add them up."""
    total = Tally()
    for tally in measure_each(config, task, indices):
        total.merge(tally)
    return total


def _measure(engine: Engine, task: Task, name: str, index: int) -> Tally:
    """Read one frame, run the graph on it, score it and count it."""
    started = perf_counter()
    try:
        sample = task.samples[index]
    except DataError as error:
        return Tally(failed={name: str(error)})
    read = perf_counter()
    if isinstance(task, Recalls) and (known := task.recall(sample.name)) is not None:
        return _counted(task, sample, None, known)
    tensors = engine.source.run(sample.image)
    segmented = perf_counter()
    scores = engine.methods.score(tensors)
    scored = perf_counter()
    tally = _counted(task, sample, tensors, scores)
    tally.counts['nonfinite'] += tensors.nonfinite
    tally.took('read', read - started)
    tally.took('graph', segmented - read)
    tally.took('methods', scored - segmented)
    tally.took('metrics', perf_counter() - scored)
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
