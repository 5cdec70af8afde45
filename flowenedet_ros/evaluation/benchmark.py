"""A benchmark: one or several sets of pictures, their figures, and what is written of them."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flowenedet_ros.data.errors import DataError
from flowenedet_ros.data.folder import Sample
from flowenedet_ros.evaluation.curves import Curves, idm_curves, ood_curves
from flowenedet_ros.evaluation.engine import Engine, EngineConfig, Task, open_engine
from flowenedet_ros.evaluation.errors import EvaluationError
from flowenedet_ros.evaluation.frames import Samples
from flowenedet_ros.evaluation.results import Conditions, results, write_json
from flowenedet_ros.evaluation.run import RunOptions, run_task
from flowenedet_ros.evaluation.table import Figures, latex, percent, table
from flowenedet_ros.evaluation.tally import Tally
from flowenedet_ros.inference.errors import BundleError

FigureOf = Callable[[Tally, tuple[str, ...]], dict[str, dict[str, Any]]]
_COST_IMAGES = 10
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


@dataclass(frozen=True)
class Request:
    """How a benchmark is run and what is written of it; None is not written."""

    config: EngineConfig
    options: RunOptions = field(default_factory=RunOptions)
    resolution: str = 'labels'
    command: str = ''
    json: Path | None = None
    latex: Path | None = None
    report: Path | None = None


@dataclass
class PartResult:
    """What one set gave."""

    figures: dict[str, dict[str, Any]]
    details: dict[str, Any]
    curves: dict[str, dict[str, Curves]]
    frames: dict[str, dict[str, float]]
    task: Task


def run_benchmark(benchmark: Benchmark, request: Request) -> dict[str, Any]:
    """Run every set, print the tables, write what was asked for, return the JSON content.

    :raises EvaluationError: where not one picture could be evaluated.
    """
    engine = open_engine(request.config)
    if 'all' in request.config.methods:
        for name, reason in engine.methods.missing.items():
            print(f'{name} is not evaluated: {reason}', file=sys.stderr)
    found: dict[str, PartResult] = {}
    total = Tally()
    for part in benchmark.parts:
        tally = _run_part(benchmark, part, engine, request)
        found[part.name] = _result(part, tally, engine)
        _print_part(benchmark, part, found[part.name], tally)
        total.merge(_without_parts(tally))
    content = _content(benchmark, request, engine, found, total)
    if len(found) > 1:
        print(f'\n{benchmark.name}, {len(found)} sets{_miou(content)}:')
        print(table(content['methods'], benchmark.columns), flush=True)
    if request.report:
        content['cost'] = _cost(benchmark, request, found)
    if request.json:
        write_json(request.json, content)
    if request.latex:
        request.latex.write_text(latex(content['methods'], benchmark.columns, benchmark.name))
    if request.report:
        from flowenedet_ros.evaluation.report.page import write_report

        page = write_report(request.report, content, found, engine, benchmark.columns)
        print(f'report: {page}')
    for state in (_state_path(request, part) for part in benchmark.parts):
        if state is not None:
            state.unlink(missing_ok=True)
    return content


def _cost(
    benchmark: Benchmark, request: Request, found: Mapping[str, PartResult]
) -> dict[str, Any] | None:
    """Measure what the evaluation costs, on the set of the largest pictures."""
    from flowenedet_ros.evaluation.cost import cost_content, measure_cost

    largest = max(found.values(), key=lambda one: one.details['pixels'] / one.details['images'])
    part = next(part for part in benchmark.parts if found[part.name] is largest)
    try:
        cost = measure_cost(request.config, part.task, _COST_IMAGES)
    except (BundleError, DataError):  # no graph of the segmenter alone, or a damaged picture
        return None
    return {'set': part.name, **cost_content(cost)}


def _run_part(benchmark: Benchmark, part: Part, engine: Engine, request: Request) -> Tally:
    options = replace(request.options, state=_state_path(request, part))
    tally = run_shown(part.name, request.config, part.task, options)
    if not tally.counts['images']:
        reasons = '; '.join(list(tally.failed.values())[:3]) or 'there are no pictures'
        raise EvaluationError(f'{benchmark.name}: nothing of {part.name} was evaluated: {reasons}')
    if part.after is not None:
        again = f'{part.name}, components'
        second = run_shown(again, request.config, part.after(tally, engine), request.options)
        tally.parts |= second.parts
    return tally


def run_shown(name: str, config: EngineConfig, task: Task, options: RunOptions) -> Tally:
    """Run a task under a progress bar."""
    from tqdm import tqdm

    with tqdm(total=len(task.samples), desc=name, unit='image', disable=None) as bar:

        def progress(done: int, total: int) -> None:
            bar.update(done - bar.n)

        return run_task(config, task, options, progress)


def _state_path(request: Request, part: Part) -> Path | None:
    if request.json is None:
        return None
    safe = ''.join(char if char.isalnum() else '-' for char in part.name)
    return request.json.with_name(f'{request.json.name}.{safe}.state')


def _result(part: Part, tally: Tally, engine: Engine) -> PartResult:
    names = engine.methods.names
    figures = part.figures(tally, names)
    curves = {
        kind: {
            name: curve for name in names if (curve := curves_of(tally, name, engine)) is not None
        }
        for kind, curves_of in (('idm', idm_curves), ('ood', ood_curves))
    }
    for kind, by_method in curves.items():
        for name, curve in by_method.items():
            if curve.ece is not None:
                figures[name][f'{kind}_ece'] = curve.ece
    details = {
        'images': int(tally.counts['images']),
        'pixels': int(tally.counts['pixels']),
        **part.details(tally),
    }
    return PartResult(figures, details, curves, tally.frames, part.task)


def _print_part(benchmark: Benchmark, part: Part, result: PartResult, tally: Tally) -> None:
    for name, reason in sorted(tally.failed.items()):
        print(f'left out {name}: {reason}', file=sys.stderr)
    if benchmark.quiet:
        return
    facts = f'{result.details["images"]} images, {result.details["pixels"]:,} pixels'
    print(f'\n{part.name}: {facts}{_miou(result.details)}')
    print(table(result.figures, benchmark.columns), flush=True)


def _miou(details: Mapping[str, Any]) -> str:
    return f', mIoU {percent(details["miou"])} %' if 'miou' in details else ''


def _without_parts(tally: Tally) -> Tally:
    return Tally({}, {}, tally.failed, tally.counts, tally.seconds)


def _content(
    benchmark: Benchmark,
    request: Request,
    engine: Engine,
    found: dict[str, PartResult],
    total: Tally,
) -> dict[str, Any]:
    conditions = Conditions(benchmark.name, benchmark.data, request.resolution, request.command)
    by_part = {name: result.figures for name, result in found.items()}
    more: dict[str, Any] = {'post': request.config.post}
    if len(found) == 1 and benchmark.summary is None:
        only = next(iter(found.values()))
        return results(conditions, engine, total, only.figures, **more, **_beyond(only.details))
    summary = (benchmark.summary or mean_of_sets)(by_part)
    more['sets'] = {
        name: {**result.details, 'methods': result.figures} for name, result in found.items()
    }
    more |= benchmark.details({name: result.details for name, result in found.items()})
    return results(conditions, engine, total, summary, **more)


def _beyond(details: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in details.items() if key not in ('images', 'pixels')}


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


class EverySoMany:
    """An even choice of some pictures of a set.

    :param most: how many.
    """

    def __init__(self, samples: Samples, most: int) -> None:
        self._samples = samples
        count = min(most, len(samples))
        self._indices = [index * len(samples) // count for index in range(count)]

    @property
    def names(self) -> list[str]:
        """Names of the chosen pictures."""
        names = self._samples.names
        return [names[index] for index in self._indices]

    @property
    def pairs(self) -> list[Any] | None:
        """Files of the chosen pictures, None where the set has no plain files."""
        pairs = getattr(self._samples, 'pairs', None)
        return None if pairs is None else [pairs[index] for index in self._indices]

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> Sample:
        """Read one picture."""
        return self._samples[self._indices[index]]
