"""The three benchmarks that run on any labelled folder."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.data.folder import LabelledFolder
from flowenedet_ros.data.label_maps import prediction_map
from flowenedet_ros.evaluation.benchmark import Benchmark, Part
from flowenedet_ros.evaluation.concurrent import BothSets, ConcurrentTask, concurrent_figures
from flowenedet_ros.evaluation.confusion import Confusion
from flowenedet_ros.evaluation.counting import Counting
from flowenedet_ros.evaluation.idm import IdmTask, identity_map, idm_figures
from flowenedet_ros.evaluation.limited import limited
from flowenedet_ros.evaluation.ood import OodTask, ood_figures
from flowenedet_ros.evaluation.rank_metrics import RANKS
from flowenedet_ros.evaluation.tally import Tally


def merged(label_map: str | None) -> NDArray[np.uint8]:
    """Return the table that brings predictions to what labels read through a map can say."""
    return identity_map() if label_map is None else prediction_map(label_map)


def iou_details(tally: Tally, classes: tuple[str, ...]) -> dict[str, object]:
    """Return mIoU, accuracy, and IoU and error rate by class."""
    confusion = tally.parts.get('confusion')
    if not isinstance(confusion, Confusion):
        return {}
    iou, errors = confusion.iou(), confusion.error_rates()
    return {
        'miou': confusion.mean_iou(),
        'accuracy': confusion.accuracy(),
        'classes': {
            name: {'iou': float(iou[index]), 'error_rate': float(errors[index])}
            for index, name in enumerate(classes)
        },
    }


def ood_benchmark(data: Path, counting: Counting, limit: int | None) -> Benchmark:
    """Unknown pixels of `data/images` after `data/labels`: 0 known, 1 unknown, 255 ignored."""
    task = OodTask(limited(LabelledFolder(data), limit), counting)
    return Benchmark('ood', [Part(data.name, task, ood_figures)], RANKS, str(data))


def idm_benchmark(
    data: Path,
    classes: tuple[str, ...],
    label_map: str | None,
    counting: Counting,
    limit: int | None,
) -> Benchmark:
    """Misclassified pixels of `data/images` after the class ids of `data/labels`."""
    samples = limited(LabelledFolder(data, label_map), limit)
    task = IdmTask(samples, len(classes), counting, merged(label_map))
    part = Part(data.name, task, idm_figures, lambda tally: iou_details(tally, classes))
    return Benchmark('idm', [part], (*RANKS, 'aurc'), str(data))


def concurrent_benchmark(
    data: Path,
    ood_data: Path | None,
    classes: tuple[str, ...],
    label_map: str | None,
    counting: Counting,
    limit: int | None,
) -> Benchmark:
    """Errors of `data` against unknown pixels of `ood_data` (or label 254 of `data`).

    `data` may also hold the folders `idm` and `ood`, each with images and labels.
    """
    known = data
    if ood_data is None and (data / 'idm').is_dir() and (data / 'ood').is_dir():
        known, ood_data = data / 'idm', data / 'ood'
    samples = limited(LabelledFolder(known, label_map), limit)
    if ood_data is not None:
        samples = BothSets(samples, limited(LabelledFolder(ood_data), limit))
    task = ConcurrentTask(samples, len(classes), counting, merged(label_map))
    name = data.name if ood_data is None else f'{known.name} against {ood_data.name}'
    part = Part(name, task, concurrent_figures, _concurrent_details)
    columns = (*RANKS, 'separation', 'reverse_separation')
    return Benchmark('concurrent', [part], columns, f'{known}, {ood_data}')


def _concurrent_details(tally: Tally) -> dict[str, object]:
    return {
        f'{group}_pixels': int(tally.counts[group])
        for group in ('right', 'wrong', 'known', 'unknown')
    }
