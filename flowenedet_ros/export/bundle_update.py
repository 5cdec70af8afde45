"""Make a new model folder from an existing one, without PyTorch."""

import dataclasses
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from flowenedet_ros.export.bundle_folder import hashes, new_folder, write_manifest
from flowenedet_ros.export.errors import ExportError
from flowenedet_ros.export.half import to_half
from flowenedet_ros.export.quantize import to_int8
from flowenedet_ros.inference.backends.base import Precision, RuntimeOptions
from flowenedet_ros.inference.backends.onnxruntime import OnnxRuntimeBackend
from flowenedet_ros.inference.bundle import find_bundle, open_bundle
from flowenedet_ros.inference.manifest import MANIFEST, CalibrationInfo, Manifest
from flowenedet_ros.inference.marks import set_calibration
from flowenedet_ros.inference.model import Model
from flowenedet_ros.inference.self_test import SELF_TEST


def add_precisions(
    model: str | Path,
    folder: Path,
    precisions: Sequence[Precision],
    images: Sequence[NDArray[np.uint8]],
    *,
    replace: bool = False,
) -> Path:
    """Copy a bundle and add graphs of lower precision that pass its self-test.

    :param images: uint8 (H, W, 3) BGR images of the road, for int8.
    :raises BundleError: when the bundle is not whole.
    :raises ExportError: when a graph is too far from the golden outputs.
    """
    source = find_bundle(model)
    with _copied(source, folder, replace) as (place, manifest):
        graph = onnx.load(str(place / 'model.onnx'))
        for precision in precisions:
            if precision == 'fp32':
                continue
            seen = (
                images if manifest.input.channel_order == 'bgr' else [i[..., ::-1] for i in images]
            )
            lower = to_half(graph) if precision == 'fp16' else to_int8(graph, seen)
            path = place / f'model_{precision}.onnx'
            onnx.save(lower, path)
            _require_golden(place, manifest, path, precision)
        write_manifest(place / MANIFEST, dataclasses.replace(manifest, files=hashes(place)))
    return folder


def recalibrate(
    model: str | Path,
    folder: Path,
    calibration: CalibrationInfo,
    write_more: Callable[[Path], None] | None = None,
    *,
    replace: bool = False,
) -> Path:
    """Copy a bundle and give every graph and the golden outputs another calibration.

    :param write_more: called with the new folder before its files are hashed.
    :raises BundleError: when the bundle is not whole.
    """
    source = find_bundle(model)
    with _copied(source, folder, replace) as (place, manifest):
        for path in place.glob('*.onnx'):
            graph = onnx.load(str(path))
            set_calibration(graph, calibration.idm, calibration.ood)
            onnx.save(graph, path)
        _rescore_golden(place / SELF_TEST, calibration)
        if write_more is not None:
            write_more(place)
        manifest = dataclasses.replace(manifest, calibration=calibration, files=hashes(place))
        write_manifest(place / MANIFEST, manifest)
    return folder


@contextmanager
def _copied(source: Path, folder: Path, replace: bool) -> Iterator[tuple[Path, Manifest]]:
    manifest = open_bundle(source)
    with new_folder(folder, replace=replace) as place:
        for name in manifest.files:
            shutil.copyfile(source / name, place / name)
        yield place, manifest


def _rescore_golden(path: Path, calibration: CalibrationInfo) -> None:
    with np.load(path, allow_pickle=False) as content:
        arrays = dict(content)
    for task, score_map in (('idm', calibration.idm), ('ood', calibration.ood)):
        raw = arrays.get(f'{task}_raw')
        if raw is None:
            raise ExportError(
                f'{path} keeps no {task}_raw: write it again with `flowenedet export`'
            )
        odds = np.float32(score_map.scale) * raw + np.float32(score_map.offset)
        with np.errstate(over='ignore'):
            arrays[f'{task}_score'] = (1 / (1 + np.exp(-odds))).astype(np.float32)
    np.savez_compressed(path, **arrays)


def _require_golden(place: Path, manifest: Manifest, path: Path, precision: Precision) -> None:
    backend = OnnxRuntimeBackend(path, precision, RuntimeOptions())
    with Model(place, manifest, backend, '') as model:
        report = model.self_test()
    if not report.passed:
        raise ExportError(f'{precision} is not near enough to eager PyTorch: {report}')
