"""Write a model folder: graphs, detectors, golden outputs and the manifest that names them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from flowenedet_ros.data.classes import VOID
from flowenedet_ros.data.folder import Sample
from flowenedet_ros.detector.base import Detector
from flowenedet_ros.detector.build import parameter_count, save_detectors
from flowenedet_ros.export.bundle_folder import hashes, new_folder, versions, write_manifest
from flowenedet_ros.export.decisions import Mode
from flowenedet_ros.export.errors import ExportError
from flowenedet_ros.export.foreign_writer import export_foreign, is_foreign
from flowenedet_ros.export.fused import FusedGraph, perceive
from flowenedet_ros.export.half import to_half
from flowenedet_ros.export.onnx_writer import export_fused
from flowenedet_ros.export.parity import check_parity, graph_file
from flowenedet_ros.export.quantize import to_int8
from flowenedet_ros.export.readout import IDENTITY
from flowenedet_ros.inference.backends.base import PRECISIONS, Precision
from flowenedet_ros.inference.manifest import (
    MANIFEST,
    CalibrationInfo,
    DetectorInfo,
    InputInfo,
    Manifest,
    OperatingPoint,
    OutputInfo,
    PlannerClasses,
    SegmenterInfo,
)
from flowenedet_ros.inference.marks import segmenter_nodes
from flowenedet_ros.segmenters.interface import FrozenSegmenter

UNCALIBRATED = CalibrationInfo(
    idm=IDENTITY,
    ood=IDENTITY,
    operating_points={'balanced': OperatingPoint(0.5, 0.5, 1.0, 1.0)},
    guarantee='none: the scores are not calibrated, run `flowenedet calibrate`',
    images=0,
    data='none',
)
PLANNER_CLASSES = PlannerClasses(uncertain=253, unknown_obstacle=254)


@dataclass(frozen=True)
class BundleSource:
    """What a bundle is made of.

    :param detectors: by name; all are kept in `flow.safetensors`, `variant` goes into the graph.
    :param golden: uint8 (H, W, 3) BGR images of one size, for the self-test.
    :param miou: mean intersection over union of the segmenter by data set.
    :param training: what the detector was fitted on and what it reached.
    """

    name: str
    segmenter: FrozenSegmenter
    detectors: Mapping[str, Detector]
    golden: Sequence[NDArray[np.uint8]]
    variant: str = 'flowenedet'
    calibration: CalibrationInfo = UNCALIBRATED
    miou: Mapping[str, float] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ExportOptions:
    """How a bundle is exported.

    :param channel_order: of the camera images that the graph takes.
    :param batch: images in a call; None leaves it open.
    :param int8_images: uint8 (H, W, 3) BGR images of the road, for the int8 file.
    :param samples: images on which every file is compared with eager PyTorch, the golden ones if
        none are given; with labels, average precision is compared too.
    :param keep_all: keep files that are too far from eager PyTorch, for networks whose output
        means nothing.
    """

    precisions: Sequence[Precision] = ('fp32', 'fp16')
    mode: Mode = 'mid'
    channel_order: Literal['bgr', 'rgb'] = 'bgr'
    batch: int | None = 1
    int8_images: Sequence[NDArray[np.uint8]] = ()
    samples: Sequence[Sample] = ()
    keep_all: bool = False


def write_bundle(
    folder: str | Path,
    source: BundleSource,
    options: ExportOptions | None = None,
    *,
    replace: bool = False,
) -> Path:
    """Export a model folder; it appears whole or not at all.

    A reduced precision that is too far from eager PyTorch is left out; the manifest keeps the
    figures of all under `training: parity`.

    :param replace: replace a folder that is there.
    :returns: the folder.
    :raises ExportError: when the folder exists, the parts do not fit or a graph cannot be written.
    """
    options = options or ExportOptions()
    detector = _checked_detector(source)
    spec = source.segmenter.spec
    graph = FusedGraph(
        source.segmenter,
        detector,
        channel_order=options.channel_order,
        mode=options.mode,
        idm=source.calibration.idm,
        ood=source.calibration.ood,
    )
    with new_folder(Path(folder), replace=replace) as place:
        write_graphs(place, graph, options)
        save_detectors(place / 'flow.safetensors', source.detectors)
        write_golden(place / 'self_test.npz', graph, source.golden)
        parity = compare_files(place, graph, options, source.golden)
        manifest = Manifest(
            name=source.name,
            segmenter=SegmenterInfo(
                spec.architecture, _parameters(source.segmenter, place), dict(source.miou)
            ),
            classes=spec.classes,
            planner_classes=PLANNER_CLASSES,
            input=InputInfo(*spec.input_size, options.channel_order, spec.mean, spec.std),
            output=OutputInfo(spec.logit_stride, options.mode),
            detector=DetectorInfo(detector.config.variant, parameter_count(detector)),
            calibration=source.calibration,
            files=hashes(place),
            versions=versions(),
            training={**source.training, 'parity': parity},
        )
        write_manifest(place / MANIFEST, manifest)
    return Path(folder)


def write_graphs(place: Path, graph: FusedGraph, options: ExportOptions) -> None:
    """Write one ONNX file for each precision."""
    foreign = is_foreign(graph.segmenter)
    model = export_foreign(graph) if foreign else export_fused(graph, options.batch)
    onnx.save(model, place / 'model.onnx')
    if 'fp16' in options.precisions:
        onnx.save(to_half(model), place / 'model_fp16.onnx')
    if 'int8' in options.precisions:
        images = options.int8_images
        if not graph.preprocess.flipped:
            images = [image[..., ::-1] for image in images]
        onnx.save(to_int8(model, images), place / 'model_int8.onnx')


def compare_files(
    place: Path,
    graph: FusedGraph,
    options: ExportOptions,
    golden: Sequence[NDArray[np.uint8]],
) -> dict[str, Any]:
    """Compare every file with eager PyTorch and remove reduced precisions that are too far.

    :returns: figures by precision.
    :raises ExportError: when the fp32 file is too far.
    """
    samples = options.samples or [
        Sample(image, np.full(image.shape[:2], VOID, np.uint8), '') for image in golden
    ]
    written = [p for p in PRECISIONS if p != 'bf16' and (place / graph_file(p)).is_file()]
    figures: dict[str, Any] = {}
    for parity in check_parity(place, graph, samples, written):
        figures[parity.precision] = parity.figures()
        if not parity.problem or options.keep_all:
            continue
        if parity.precision == 'fp32':
            raise ExportError(f'the ONNX file is not what PyTorch computes: {parity}')
        (place / graph_file(parity.precision)).unlink()
    return figures


def write_golden(path: Path, graph: FusedGraph, images: Sequence[NDArray[np.uint8]]) -> None:
    """Keep images and what eager PyTorch makes of them, for the self-test of every backend.

    The log-odds are kept too, so that a new calibration needs no PyTorch.
    """
    stacked = np.stack(images)
    seen = stacked if graph.preprocess.flipped else stacked[..., ::-1].copy()
    reading = perceive(graph, torch.from_numpy(seen))
    kept = ('labels', 'idm_score', 'ood_score', 'idm_raw', 'ood_raw')
    np.savez_compressed(
        path, images=stacked, **{name: getattr(reading, name).numpy() for name in kept}
    )


def _checked_detector(source: BundleSource) -> Detector:
    if source.variant not in source.detectors:
        raise ExportError(
            f'no detector {source.variant} among those given ({", ".join(source.detectors)})'
        )
    if not source.golden or len({image.shape for image in source.golden}) != 1:
        raise ExportError('the self-test needs at least one golden image, all of one size')
    return source.detectors[source.variant].eval()


def _parameters(segmenter: FrozenSegmenter, place: Path) -> int:
    count = sum(parameter.numel() for parameter in segmenter.parameters())
    if count:
        return count
    model = onnx.load(str(place / 'model.onnx'))
    used = {name for node in segmenter_nodes(model) for name in node.input}
    return sum(
        int(np.prod(tensor.dims))
        for tensor in model.graph.initializer
        if tensor.name in used and tensor.data_type == onnx.TensorProto.FLOAT
    )
