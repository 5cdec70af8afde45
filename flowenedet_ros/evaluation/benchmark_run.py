"""Run a benchmark, print its tables and write what is asked for."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flowenedet_ros.data.errors import DataError
from flowenedet_ros.evaluation.benchmark import Benchmark, Part, PartResult, mean_of_sets
from flowenedet_ros.evaluation.curves import idm_curves, ood_curves
from flowenedet_ros.evaluation.engine import Engine, EngineConfig, open_engine
from flowenedet_ros.evaluation.errors import EvaluationError
from flowenedet_ros.evaluation.results import Conditions, results, write_json
from flowenedet_ros.evaluation.run import RunOptions, run_shown
from flowenedet_ros.evaluation.table import latex, percent, table
from flowenedet_ros.evaluation.tally import Tally
from flowenedet_ros.inference.errors import BundleError

_COST_IMAGES = 30


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
    """Measure what the evaluation costs, on the set of the most pixels: few pictures say little."""
    from flowenedet_ros.evaluation.cost import cost_content, measure_cost

    part = max(benchmark.parts, key=lambda part: found[part.name].details['pixels'])
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
