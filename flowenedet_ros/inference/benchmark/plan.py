"""Which configurations a bundle has on this machine."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx

from flowenedet_ros.inference.backends.base import PRECISIONS, Precision
from flowenedet_ros.inference.benchmark.configuration import Configuration, Graph, OpenModel
from flowenedet_ros.inference.benchmark.graphs import segmenter_alone
from flowenedet_ros.inference.bundle import model_file, open_bundle
from flowenedet_ros.inference.errors import BackendError
from flowenedet_ros.inference.manifest import Manifest
from flowenedet_ros.inference.probe import BACKENDS, Probe, probe_backend

GRAPHS: tuple[Graph, ...] = ('segmenter', 'fused')


@dataclass(frozen=True)
class Sizes:
    """What is run.

    :param images: (height, width) of camera images; empty: the network's own.
    :param batches: images in a call.
    """

    images: Sequence[tuple[int, int]] = ()
    batches: Sequence[int] = (1,)


def usable_backends(names: Sequence[str]) -> list[Probe]:
    """Probe backends by name, or all.

    :raises BackendError: when a named one is unknown or cannot run here.
    """
    if list(names) == ['all']:
        return [probe for name in BACKENDS if (probe := probe_backend(name)).usable]
    found = []
    for name in names:
        if name not in BACKENDS:
            raise BackendError(f'no backend `{name}`: choose of {", ".join(BACKENDS)}, or all')
        probe = probe_backend(name)
        if not probe.usable:
            raise BackendError(f'backend {name} cannot run here, {probe.detail}: {probe.fix}')
        found.append(probe)
    return found


def precisions_of(probe: Probe, asked: Sequence[str], manifest: Manifest) -> list[Precision]:
    """Give the precisions of a bundle that a backend computes, in rising speed.

    :raises BackendError: when a named one is unknown.
    """
    unknown = sorted(set(asked) - {*PRECISIONS, 'all'})
    if unknown:
        raise BackendError(f'no precision `{unknown[0]}`: choose of {", ".join(PRECISIONS)}, all')
    # Every runtime reads int8 files; `probe.precisions` holds what is chosen by itself.
    possible = {*probe.precisions, 'fp32', 'int8'}
    return [
        item
        for item in PRECISIONS
        if item in possible
        and ('all' in asked or item in asked)
        and (item in ('fp32', 'bf16') or f'model_{item}.onnx' in manifest.files)
    ]


def plan(
    folder: Path,
    scratch: Path,
    probes: Sequence[Probe],
    precisions: Sequence[str],
    sizes: Sizes,
    threads: int = 0,
) -> Iterator[Configuration]:
    """List every configuration of a bundle, the segmenter alone beside each fused graph.

    :param scratch: folder for the graphs of the segmenter alone.
    """
    manifest = open_bundle(folder)
    network = manifest.input.height, manifest.input.width
    files: dict[tuple[Precision, Graph], Path] = {}
    for probe in probes:
        for precision in precisions_of(probe, precisions, manifest):
            for height, width in sizes.images or (network,):
                for batch in sizes.batches:
                    for graph in GRAPHS:
                        key = precision, graph
                        if key not in files:
                            files[key] = _file(folder, manifest, scratch, *key)
                        yield Configuration(
                            manifest.name,
                            probe.backend,
                            precision,
                            graph,
                            height,
                            width,
                            batch,
                            network,
                            OpenModel(folder, files[key], probe.backend, precision, threads),
                        )


def _file(
    folder: Path, manifest: Manifest, scratch: Path, precision: Precision, graph: Graph
) -> Path:
    path = model_file(folder, manifest, precision)
    if graph == 'fused':
        return path
    alone = scratch / f'{manifest.name}_segmenter_{path.name}'
    if not alone.exists():
        onnx.save(segmenter_alone(onnx.load(str(path))), alone)
    return alone
