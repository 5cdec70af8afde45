"""What an evaluation costs beside running the frozen segmenter alone on the same pictures."""

import resource
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.data.images import read_image
from flowenedet_ros.evaluation.engine import EngineConfig, Task, measure_frames, open_engine
from flowenedet_ros.evaluation.frames import Samples
from flowenedet_ros.evaluation.graph_runs import LANES, Run, open_graph
from flowenedet_ros.inference.benchmark.graphs import segmenter_alone


@dataclass(frozen=True)
class Cost:
    """Time of one process and memory; both runs read the pictures and have several under way.

    :param alone_ms: wall time an image of reading and segmenting it, median of the rounds.
    :param all_ms: wall time an image of the evaluation with all methods, likewise.
    :param ratio: evaluation over segmenter alone, wall time, median of the rounds.
    :param cpu_ratio: likewise of the CPU time, which other programs on the machine disturb less.
    :param peak_mb: most memory that the process ever held, in MiB.
    """

    methods: tuple[str, ...]
    images: int
    rounds: int
    alone_ms: float
    all_ms: float
    ratio: float
    alone_cpu_ms: float
    all_cpu_ms: float
    cpu_ratio: float
    peak_mb: float


def measure_cost(config: EngineConfig, task: Task, images: int = 50, rounds: int = 5) -> Cost:
    """Run the segmenter alone and the whole evaluation in turn on shares of the pictures.

    :param images: at most so many, evenly spread.
    :param rounds: shares; what comes first changes from one to the next.
    """
    engine = open_engine(config)
    graph = segmenter_alone(engine.source.graph)
    _, run = open_graph(graph, ('labels',), engine.source.backend, config.threads)
    count = min(images, len(task.samples))
    chosen = [index * len(task.samples) // count for index in range(count)]
    rounds = min(rounds, count)
    # Graphs are compiled for the size of the first picture that they see, and a lane's first run
    # takes its memory.
    _alone(run, task.samples, chosen[:LANES])
    measure_frames(config, task, chosen[:LANES])
    times = []
    for number in range(rounds):
        share = chosen[number::rounds]
        works = [
            lambda share=share: _alone(run, task.samples, share),
            lambda share=share: measure_frames(config, task, share),
        ]
        order = (0, 1) if number % 2 == 0 else (1, 0)
        took = {which: _timed(works[which]) for which in order}
        times.append([part / len(share) for which in (0, 1) for part in took[which]])
    alone, alone_cpu, whole, whole_cpu = zip(*times, strict=True)
    return Cost(
        engine.methods.names,
        count,
        rounds,
        1e3 * median(alone),
        1e3 * median(whole),
        median(b / a for a, b in zip(alone, whole, strict=True)),
        1e3 * median(alone_cpu),
        1e3 * median(whole_cpu),
        median(b / a for a, b in zip(alone_cpu, whole_cpu, strict=True)),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def cost_content(cost: Cost) -> dict[str, Any]:
    """Return what JSON files say of it."""
    return {**asdict(cost), 'methods': list(cost.methods)}


def _timed(work: Any) -> tuple[float, float]:
    started, used = perf_counter(), process_time()
    work()
    return perf_counter() - started, process_time() - used


def _alone(run: Run, samples: Samples, indices: Sequence[int]) -> None:
    def segment(index: int) -> None:
        run(np.ascontiguousarray(_picture(samples, index))[None])

    with ThreadPoolExecutor(LANES) as lanes:
        deque(lanes.map(segment, indices), maxlen=0)


def _picture(samples: Samples, index: int) -> NDArray[np.uint8]:
    """Read a picture, without its labels where that can be done."""
    pairs = getattr(samples, 'pairs', None)
    return samples[index].image if pairs is None else read_image(pairs[index].image)
