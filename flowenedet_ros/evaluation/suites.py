"""The four published benchmarks on the layouts in which their owners publish them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowenedet_ros.data.folder import LabelledFolder
from flowenedet_ros.data.layouts import (
    open_fishyscapes,
    open_segment_me_if_you_can,
    open_semantic,
)
from flowenedet_ros.evaluation.benchmark import Benchmark, Part
from flowenedet_ros.evaluation.cityscapes import CityscapesFigures, CityscapesTask
from flowenedet_ros.evaluation.components import TRACK_LIMITS
from flowenedet_ros.evaluation.counting import Counting
from flowenedet_ros.evaluation.engine import Engine
from flowenedet_ros.evaluation.frames import Samples
from flowenedet_ros.evaluation.limited import limited
from flowenedet_ros.evaluation.obstacles import (
    ComponentTask,
    StoredOodTask,
    obstacle_figures,
    pixel_thresholds,
)
from flowenedet_ros.evaluation.ood import OodTask, ood_figures
from flowenedet_ros.evaluation.rank_metrics import RANKS
from flowenedet_ros.evaluation.score_store import ScoreStore
from flowenedet_ros.evaluation.standard import iou_details, merged
from flowenedet_ros.evaluation.table import Figures
from flowenedet_ros.evaluation.tally import Tally

CITYSCAPES_COLUMNS = (
    *(*RANKS, 'ood_auroc', 'ood_ap', 'ood_fpr95'),
    *('open_miou', 'open_miou_held_out'),
)
COMPONENT_COLUMNS = (*RANKS, 'siou', 'ppv', 'f1')
TITLES = {
    'static': 'Fishyscapes Static',
    'lost_and_found': 'Fishyscapes Lost and Found',
    'anomaly_track': 'SMIYC AnomalyTrack',
    'obstacle_track': 'SMIYC ObstacleTrack',
    'lost_and_found_no_known': 'LostAndFound-NoKnown',
    'road_anomaly': 'RoadAnomaly',
}
# RoadAnomaly has large objects as the anomaly track has; Lost and Found has small ones.
_LIMITS = {
    'anomaly_track': 'anomaly',
    'road_anomaly': 'anomaly',
    'obstacle_track': 'obstacle',
    'lost_and_found_no_known': 'obstacle',
}


def cityscapes_benchmark(
    data: Path,
    classes: tuple[str, ...],
    label_map: str | None,
    counting: Counting,
    limit: int | None,
    held_out: str | Path | None = None,
    split: str = 'val',
) -> Benchmark:
    """Errors, void and open-mIoU of a Cityscapes folder, or of any labelled folder.

    :param held_out: another split of the same folder, or another folder, for the threshold of
        open-mIoU; None leaves that figure out.
    """
    figures = CityscapesFigures()
    parts = []
    if held_out is not None:
        samples = _held_out(data, held_out, label_map, classes)
        task = CityscapesTask(limited(samples, limit), len(classes), counting, merged(label_map))
        parts.append(Part('held-out', task, figures.held_out, _details(classes)))
    samples = limited(semantic(data, label_map, len(classes), split), limit)
    task = CityscapesTask(samples, len(classes), counting, merged(label_map))
    parts.append(Part(split, task, figures, _details(classes)))
    return Benchmark(
        'cityscapes',
        parts,
        CITYSCAPES_COLUMNS,
        str(data),
        lambda by_part: _plain(by_part[split]),
        lambda by_part: {key: by_part[split][key] for key in ('miou', 'accuracy')},
    )


def semantic(data: Path, label_map: str | None, classes: int, split: str = 'val') -> Samples:
    """Open class labels in their published layout, or as a plain folder of any ids.

    :param label_map: table from a plain folder's ids to the model's.
    """
    if (data / 'images').is_dir():
        return LabelledFolder(data, label_map)
    return open_semantic(data, split, classes)


def _held_out(
    data: Path, held_out: str | Path, label_map: str | None, classes: tuple[str, ...]
) -> Samples:
    if Path(held_out).is_dir():
        return semantic(Path(held_out), label_map, len(classes))
    return semantic(data, label_map, len(classes), str(held_out))


def _details(classes: tuple[str, ...]) -> Any:
    return lambda tally: iou_details(tally, classes)


def _plain(figures: Figures) -> dict[str, dict[str, Any]]:
    return {name: dict(values) for name, values in figures.items()}


def fishyscapes_benchmark(data: Path, counting: Counting, limit: int | None) -> Benchmark:
    """Fishyscapes Static and Lost and Found, whichever lie in a folder."""
    parts = [
        Part(TITLES.get(name, name), OodTask(limited(samples, limit), counting), ood_figures)
        for name, samples in open_fishyscapes(data).items()
    ]
    return Benchmark('fishyscapes', parts, RANKS, str(data))


def segment_me_if_you_can_benchmark(
    data: Path, counting: Counting, limit: int | None, scratch: Path
) -> Benchmark:
    """SegmentMeIfYouCan's tracks and RoadAnomaly, pixels and components.

    :param scratch: folder for the score maps between the two passes.
    """
    parts = [
        _track(name, limited(samples, limit), counting, scratch)
        for name, samples in open_segment_me_if_you_can(data).items()
    ]
    return Benchmark('segment-me-if-you-can', parts, COMPONENT_COLUMNS, str(data))


def _track(name: str, samples: Samples, counting: Counting, scratch: Path) -> Part:
    store = ScoreStore(scratch / name)
    limits = TRACK_LIMITS[_LIMITS.get(name, 'anomaly')]

    def components(tally: Tally, engine: Engine) -> ComponentTask:
        thresholds = pixel_thresholds(tally, engine.methods.names)
        return ComponentTask(samples, thresholds, limits, store)

    def details(tally: Tally) -> Mapping[str, Any]:
        return {'least_predicted_pixels': limits.predicted, 'least_true_pixels': limits.truth}

    task = StoredOodTask(samples, counting, store)
    return Part(TITLES.get(name, name), task, obstacle_figures, details, components)
