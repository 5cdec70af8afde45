"""Put a benchmark of speed together: bundles, references, quality, floors."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx

from flowenedet_ros.data.folder import LabelledFolder, Sample
from flowenedet_ros.evaluation.limited import EverySoMany
from flowenedet_ros.inference.backends.base import Precision, RuntimeOptions
from flowenedet_ros.inference.benchmark.configuration import Configuration
from flowenedet_ros.inference.benchmark.floors import floor_table
from flowenedet_ros.inference.benchmark.machine import describe_machine
from flowenedet_ros.inference.benchmark.plan import (
    GRAPHS,
    Sizes,
    plan,
    precisions_of,
    usable_backends,
)
from flowenedet_ros.inference.benchmark.quality import idm_quality, ood_quality
from flowenedet_ros.inference.benchmark.rounds import measure
from flowenedet_ros.inference.benchmark.stage_times import stage_times
from flowenedet_ros.inference.benchmark.table import overheads, speedups
from flowenedet_ros.inference.benchmark.worker import street
from flowenedet_ros.inference.bundle import find_bundle, open_bundle
from flowenedet_ros.inference.loading import load_bundle
from flowenedet_ros.inference.probe import Probe

Progress = Callable[[str], None]
EAGER = 'pytorch-eager'
"""What `--backends` calls the reference beside the product's backends."""


@dataclass(frozen=True)
class Request:
    """What to measure; see `flowenedet benchmark --help`.

    :param untrained: architectures with the (height, width) their network sees.
    :param backends: names, also `EAGER`, or 'all'.
    :param segmenter: the one model's weights for eager PyTorch; None for random ones.
    :param images: (height, width) of camera images; empty: the network's own.
    """

    models: Sequence[str]
    untrained: Sequence[tuple[str, tuple[int, int]]] = ()
    backends: Sequence[str] = ('all',)
    precisions: Sequence[str] = ('all',)
    images: Sequence[tuple[int, int]] = ()
    batches: Sequence[int] = (1,)
    rounds: int = 15
    threads: int = 0
    segmenter: str | None = None
    checkpoint: str | None = None
    data: str | None = None
    ood_data: str | None = None
    quality_images: int = 20


def run_benchmark(request: Request, progress: Progress) -> dict[str, Any]:
    """Measure and give the benchmark's JSON.

    :raises BundleError: when a bundle is not whole.
    :raises BackendError: when a named backend cannot run here.
    """
    probes = usable_backends([name for name in request.backends if name != EAGER])
    with TemporaryDirectory() as scratch:
        folders = [find_bundle(model) for model in request.models]
        bundles = [*folders, *_untrained(request, Path(scratch), progress)]
        configurations = [
            one
            for folder in bundles
            for one in plan(
                folder,
                Path(scratch),
                probes,
                request.precisions,
                Sizes(request.images, request.batches),
                request.threads,
            )
        ]
        for folder in bundles:
            weights = request.segmenter if folder in folders else None
            configurations += _eager(request, folder, weights)
        machine = describe_machine()
        measured = measure(configurations, request.rounds, progress)
        return {
            'machine': machine | {'threads': request.threads},
            'rows': [one.row() for one in measured],
            'overheads': overheads(measured),
            'speedups': speedups(measured),
            'stages': [_stages(request, folder, progress) for folder in bundles],
            'floors': {open_bundle(folder).name: _floors(request, folder) for folder in bundles},
            'quality': [
                row for folder in folders for row in _quality(request, folder, probes, progress)
            ],
        }


def _untrained(request: Request, scratch: Path, progress: Progress) -> Iterator[Path]:
    precisions: list[Precision] = ['fp32']
    wanted = set(request.precisions)
    precisions += ['fp16'] if 'fp16' in wanted else []
    precisions += ['int8'] if wanted & {'int8', 'all'} else []
    for architecture, size in request.untrained:
        from flowenedet_ros.export.eager import write_untrained_bundle

        progress(f'export {architecture}')
        folder = scratch / f'{architecture}_{size[0]}x{size[1]}'
        images = [street(*size, seed) for seed in range(4)]
        yield write_untrained_bundle(folder, architecture, size, precisions, images)


def _eager(request: Request, folder: Path, segmenter: str | None) -> Iterator[Configuration]:
    """List eager PyTorch as a reference.

    Of 'all' backends it is one where it is installed and knows the architecture; asked for by name
    it fails where it cannot run, as others do.
    """
    named = EAGER in request.backends
    if not named and ('all' not in request.backends or find_spec('torch') is None):
        return
    from flowenedet_ros.export.eager import OpenEager
    from flowenedet_ros.segmenters.build import ARCHITECTURES

    manifest = open_bundle(folder)
    known = segmenter is not None or manifest.segmenter.architecture in ARCHITECTURES
    if not known and not named:
        return
    network = manifest.input.height, manifest.input.width
    for height, width in request.images or (network,):
        for batch in request.batches:
            for graph in GRAPHS:
                yield Configuration(
                    manifest.name,
                    EAGER,
                    'fp32',
                    graph,
                    height,
                    width,
                    batch,
                    network,
                    OpenEager(folder, segmenter, request.checkpoint, graph, request.threads),
                )


def _size(request: Request, folder: Path) -> tuple[int, int]:
    manifest = open_bundle(folder)
    return request.images[0] if request.images else (manifest.input.height, manifest.input.width)


def _stages(request: Request, folder: Path, progress: Progress) -> dict[str, Any]:
    progress(f'stages of {folder.name}')
    height, width = _size(request, folder)
    return {
        'model': open_bundle(folder).name,
        'height': height,
        'width': width,
        'ms': stage_times(folder / 'model.onnx', height, width),
    }


def _floors(request: Request, folder: Path) -> dict[str, Any]:
    return floor_table(onnx.load(str(folder / 'model.onnx')), *_size(request, folder))


def _quality(
    request: Request, folder: Path, probes: Sequence[Probe], progress: Progress
) -> Iterator[dict[str, Any]]:
    tasks = [('idm', request.data, idm_quality), ('ood', request.ood_data, ood_quality)]
    options = RuntimeOptions(threads=request.threads)
    for probe in probes:
        for precision in precisions_of(probe, request.precisions, open_bundle(folder)):
            for task, given, judge in tasks:
                if given is None:
                    continue
                progress(f'quality of {folder.name} {probe.backend} {precision}: {task}')
                with closing(load_bundle(folder, probe.backend, precision, options)) as model:
                    figures = asdict(judge(model, _some(given, request.quality_images)))
                figures = {k: None if math.isnan(v) else v for k, v in figures.items()}
                yield {
                    'model': open_bundle(folder).name,
                    'backend': probe.backend,
                    'precision': precision,
                    'task': task,
                    **figures,
                }


def _some(text: str, most: int) -> Iterator[Sample]:
    """Read images spread evenly over a labelled folder."""
    path, _, label_map = text.partition(':')
    chosen = EverySoMany(LabelledFolder(path, label_map or None), most)
    return (chosen[index] for index in range(len(chosen)))
