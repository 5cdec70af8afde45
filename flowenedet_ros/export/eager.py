"""Eager PyTorch as a reference in the benchmark, and bundles of untrained networks for it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from flowenedet_ros.data.classes import CITYSCAPES_CLASSES, ClassInfo
from flowenedet_ros.detector.base import DetectorConfig
from flowenedet_ros.detector.build import build_detector, load_detectors
from flowenedet_ros.export.bundle_writer import BundleSource, ExportOptions, write_bundle
from flowenedet_ros.export.fused import FusedGraph, perceive
from flowenedet_ros.inference.backends.base import Precision
from flowenedet_ros.inference.manifest import MANIFEST
from flowenedet_ros.inference.manifest_reader import read_manifest
from flowenedet_ros.inference.perception import Perception
from flowenedet_ros.segmenters import load_segmenter
from flowenedet_ros.segmenters.interface import FrozenSegmenter
from flowenedet_ros.segmenters.registry import build_network, freeze

_SEED = 0


@dataclass(frozen=True)
class OpenEager:
    """Run a bundle's detector on its segmenter's checkpoint in eager PyTorch.

    :param segmenter: what `load_segmenter` takes; None for the bundle's architecture with random
        weights, which take the same time.
    :param graph: 'segmenter' leaves the detector out.
    """

    folder: Path
    segmenter: str | None
    checkpoint: str | None
    graph: Literal['segmenter', 'fused']
    threads: int = 0

    def __call__(self) -> 'EagerRunner':
        """Load it, in the measuring process."""
        if self.threads:
            torch.set_num_threads(self.threads)
        manifest = read_manifest(self.folder / MANIFEST)
        size = manifest.input.height, manifest.input.width
        if self.segmenter is None:
            segmenter = untrained(manifest.segmenter.architecture, size, manifest.classes)
        else:
            segmenter = load_segmenter(self.segmenter, self.checkpoint, input_size=size)
        detector = load_detectors(self.folder / 'flow.safetensors')[manifest.detector.variant]
        graph = FusedGraph(
            segmenter,
            detector,
            channel_order=manifest.input.channel_order,
            mode=manifest.output.mode,
            idm=manifest.calibration.idm,
            ood=manifest.calibration.ood,
        )
        return EagerRunner(graph, alone=self.graph == 'segmenter')


class EagerRunner:
    """The fused graph in eager PyTorch, with the interface of `inference.Model`."""

    def __init__(self, graph: FusedGraph, *, alone: bool) -> None:
        self._graph = graph
        self._alone = alone

    def run_batch(self, images: Sequence[NDArray[np.uint8]]) -> list[Perception]:
        """Run images one by one; alone, only the label map is real."""
        return [self._run(torch.from_numpy(np.ascontiguousarray(image))) for image in images]

    @torch.inference_mode()
    def _run(self, image: torch.Tensor) -> Perception:
        started = time.perf_counter()
        nothing = np.zeros((1, 1), np.uint8)
        flat = np.zeros((1, 1), np.float32)
        if self._alone:
            pixels = self._graph.preprocess(image[None])
            logits = self._graph.segmenter(pixels).logits
            labels = self._graph.readout.decide.labels(logits)[0].to(torch.uint8).numpy()
            ms = 1e3 * (time.perf_counter() - started)
            return Perception(labels, nothing, nothing, flat, flat, 0, {'backend': ms})
        reading = perceive(self._graph, image[None])
        ms = 1e3 * (time.perf_counter() - started)
        return Perception(
            reading.labels[0].numpy(),
            reading.idm_mask[0].numpy(),
            reading.ood_mask[0].numpy(),
            reading.idm_score[0].numpy(),
            reading.ood_score[0].numpy(),
            int(reading.nonfinite[0]),
            {'backend': ms},
        )


def untrained(
    architecture: str,
    size: tuple[int, int],
    classes: tuple[ClassInfo, ...] = CITYSCAPES_CLASSES,
) -> FrozenSegmenter:
    """Build a network with random weights, the same ones every time."""
    torch.manual_seed(_SEED)
    network = build_network(architecture, len(classes))
    return freeze(architecture, network, classes, size)


def write_untrained_bundle(
    folder: Path,
    architecture: str,
    size: tuple[int, int],
    precisions: Sequence[Precision] = ('fp32',),
    images: Sequence[NDArray[np.uint8]] = (),
) -> Path:
    """Write a bundle of random weights: its speed is real, its output is not.

    Its int8 and fp16 files are kept however far their output is from PyTorch's.
    """
    segmenter = untrained(architecture, size)
    spec = segmenter.spec
    detector = build_detector(
        DetectorConfig('flowenedet', len(spec.classes), spec.embedding_channels, spec.deep_channels)
    )
    golden = [np.full((*size, 3), 128, np.uint8)]
    source = BundleSource(
        f'untrained_{architecture}_{size[0]}x{size[1]}',
        segmenter,
        {'flowenedet': detector.eval()},
        golden,
    )
    options = ExportOptions(precisions=precisions, int8_images=images, keep_all=True)
    return write_bundle(folder, source, options)
