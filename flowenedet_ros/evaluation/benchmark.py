"""A benchmark: one or several sets of pictures and their figures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowenedet_ros.evaluation.curves import Curves
from flowenedet_ros.evaluation.engine import Engine, Task
from flowenedet_ros.evaluation.table import Figures
from flowenedet_ros.evaluation.tally import Tally

FigureOf = Callable[[Tally, tuple[str, ...]], dict[str, dict[str, Any]]]
DetailsOf = Callable[[Tally], Mapping[str, Any]]


@dataclass(frozen=True)
class Part:
    """One set of pictures of a benchmark.

    :param figures: from the finished tally to figures by method.
    :param details: further keys of this set in the JSON file.
    :param after: called with the finished tally for a second pass, whose tally is merged.
    """

    name: str
    task: Task
    figures: FigureOf
    details: DetailsOf = lambda tally: {}
    after: Callable[[Tally, Engine], Task] | None = None


@dataclass(frozen=True)
class Benchmark:
    """What is measured and how its table looks.

    :param columns: figures in the table, in order.
    :param summary: from figures by set to the figures by method of the whole.
    :param details: from details by set to further keys of the whole.
    :param quiet: print the table of the whole alone, where there are many sets.
    """

    name: str
    parts: Sequence[Part]
    columns: tuple[str, ...]
    data: str
    summary: Callable[[Mapping[str, Figures]], dict[str, dict[str, Any]]] | None = None
    details: Callable[[Mapping[str, Mapping[str, Any]]], dict[str, Any]] = lambda by_part: {}
    quiet: bool = False


@dataclass
class PartResult:
    """What one set gave."""

    figures: dict[str, dict[str, Any]]
    details: dict[str, Any]
    curves: dict[str, dict[str, Curves]]
    frames: dict[str, dict[str, float]]
    task: Task


def mean_of_sets(by_part: Mapping[str, Figures]) -> dict[str, dict[str, Any]]:
    """Return the mean of every plain figure over the sets, unweighted."""
    methods = next(iter(by_part.values()))
    summary: dict[str, dict[str, Any]] = {}
    for name, figures in methods.items():
        summary[name] = {
            key: sum(part[name][key] for part in by_part.values()) / len(by_part)
            for key, value in figures.items()
            if isinstance(value, int | float)
            and all(isinstance(part[name].get(key), int | float) for part in by_part.values())
        }
    return summary
