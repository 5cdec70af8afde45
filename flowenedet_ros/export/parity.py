"""Hold every exported precision against eager PyTorch before a bundle leaves the house."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from flowenedet_ros.data.classes import OUTLIER
from flowenedet_ros.data.folder import Sample
from flowenedet_ros.export.agreement import correlation
from flowenedet_ros.export.fused import FusedGraph, perceive
from flowenedet_ros.inference.backends.base import Outputs, Precision, RuntimeOptions
from flowenedet_ros.inference.backends.onnxruntime import OnnxRuntimeBackend
from flowenedet_ros.inference.benchmark.quality import nearest, rank_figures
from flowenedet_ros.inference.perception import Thresholds
from flowenedet_ros.inference.self_test import LEAST_AGREEMENT, LEAST_CORRELATION

MOST_LOSS = 0.005
"""AP and AUROC that a precision may lose against eager PyTorch on labelled images."""
_MIDDLE = Thresholds(0.5, 0.5)
_FEW = 100  # positives below which an average precision says nothing


@dataclass(frozen=True)
class Parity:
    """How far one exported file is from eager PyTorch."""

    precision: Precision
    images: int
    label_agreement: float
    idm_correlation: float
    ood_correlation: float
    largest_difference: float
    """Of any score."""
    ap: dict[str, tuple[float, float]]
    """By task: average precision of eager PyTorch and of the file."""
    auroc: dict[str, tuple[float, float]]
    """Likewise, the area under the ROC curve."""

    @property
    def problem(self) -> str | None:
        """What is out of bounds, or None."""
        if self.label_agreement < LEAST_AGREEMENT:
            return f'only {100 * self.label_agreement:.2f} % of the labels agree'
        if not min(self.idm_correlation, self.ood_correlation) >= LEAST_CORRELATION:
            return f'scores correlate {self.idm_correlation:.4f}, {self.ood_correlation:.4f}'
        for name, figures in (('AP', self.ap), ('AUROC', self.auroc)):
            for task, (eager, found) in figures.items():
                if found < eager - MOST_LOSS:
                    return f'{task} {name} falls from {eager:.4f} to {found:.4f}'
        return None

    def figures(self) -> dict[str, Any]:
        """Give the figures as a manifest keeps them."""
        return {
            'images': self.images,
            'label_agreement': round(self.label_agreement, 6),
            'idm_correlation': round(self.idm_correlation, 6),
            'ood_correlation': round(self.ood_correlation, 6),
            'largest_difference': float(f'{self.largest_difference:.2e}'),
            'ap': {task: [round(x, 5) for x in pair] for task, pair in self.ap.items()},
            'auroc': {task: [round(x, 5) for x in pair] for task, pair in self.auroc.items()},
            'problem': self.problem or 'none',
        }

    def __str__(self) -> str:
        ap = ''.join(f', {task} AP {a:.4f} -> {b:.4f}' for task, (a, b) in self.ap.items())
        return (
            f'{self.precision}: labels agree on {100 * self.label_agreement:.3f} %, correlation '
            f'IDM {self.idm_correlation:.5f} OOD {self.ood_correlation:.5f}, largest score '
            f'difference {self.largest_difference:.1e}{ap} ({self.images} images)'
        )


def check_parity(
    folder: Path,
    graph: FusedGraph,
    samples: Sequence[Sample],
    precisions: Iterable[Precision],
) -> list[Parity]:
    """Compare the graphs of a folder with eager PyTorch, in ONNX Runtime on the CPU.

    :param samples: images in BGR; where they carry labels, 254 marks an outlier and 255 nothing.
    """
    images = [_seen(sample.image, graph.preprocess.flipped) for sample in samples]
    eager = [_eager(graph, image) for image in images]
    found = []
    for precision in precisions:
        backend = OnnxRuntimeBackend(folder / graph_file(precision), precision, RuntimeOptions())
        outputs = [backend.infer(image[None], _MIDDLE) for image in images]
        backend.close()
        found.append(_compare(precision, samples, eager, outputs))
    return found


def graph_file(precision: Precision) -> str:
    """Name the ONNX file of a precision."""
    return 'model.onnx' if precision == 'fp32' else f'model_{precision}.onnx'


def _seen(image: NDArray[np.uint8], bgr: bool) -> NDArray[np.uint8]:
    return np.ascontiguousarray(image if bgr else image[..., ::-1])


def _eager(graph: FusedGraph, image: NDArray[np.uint8]) -> Outputs:
    reading = perceive(graph, torch.from_numpy(image[None]))
    return Outputs(*(getattr(reading, name).numpy() for name in Outputs._fields))


def _compare(
    precision: Precision,
    samples: Sequence[Sample],
    eager: Sequence[Outputs],
    found: Sequence[Outputs],
) -> Parity:
    a = Outputs(*(np.concatenate(maps) for maps in zip(*eager, strict=True)))
    b = Outputs(*(np.concatenate(maps) for maps in zip(*found, strict=True)))
    return Parity(
        precision,
        len(samples),
        float(np.mean(a.labels == b.labels)),
        correlation(a.idm_score, b.idm_score),
        correlation(a.ood_score, b.ood_score),
        max(
            float(np.abs(a.idm_score - b.idm_score).max()),
            float(np.abs(a.ood_score - b.ood_score).max()),
        ),
        *_rankings(samples, a, b),
    )


def _rankings(
    samples: Sequence[Sample], eager: Outputs, found: Outputs
) -> tuple[dict[str, tuple[float, float]], dict[str, tuple[float, float]]]:
    """Give AP and AUROC of both scores, each against the errors of its own labels."""
    shape = eager.idm_score.shape[1:]
    labels = np.stack([nearest(sample.labels, shape) for sample in samples])
    known, outlier = labels < OUTLIER, labels == OUTLIER
    ap, auroc = {}, {}
    for task in ('IDM', 'OOD'):
        pair = []
        for outputs in (eager, found):
            predicted = np.stack([nearest(image, shape) for image in outputs.labels])
            wrong = known & (predicted != labels)
            positive = outlier if task == 'OOD' else wrong
            valid = known | outlier if task == 'OOD' else known
            score = outputs.ood_score if task == 'OOD' else outputs.idm_score
            if positive.sum() >= _FEW:
                pair.append(rank_figures(score[valid], positive[valid]))
        if len(pair) == 2:
            auroc[task], ap[task] = ((pair[0][i], pair[1][i]) for i in (0, 1))
    return ap, auroc
