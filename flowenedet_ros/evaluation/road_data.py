"""All public road data in one folder, one page: unknown objects, errors, and telling them apart.

The folder has `ood/SET` with OOD labels, `camvid/test` and `cityscapes` with class labels.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowenedet_ros.data.classes import CAMVID_CLASSES, CITYSCAPES_CLASSES
from flowenedet_ros.data.folder import LabelledFolder
from flowenedet_ros.evaluation.benchmark import Benchmark, Part, mean_of_sets
from flowenedet_ros.evaluation.concurrent import ConcurrentTask
from flowenedet_ros.evaluation.counting import Counting, Kind, score_histogram
from flowenedet_ros.evaluation.errors import EvaluationError
from flowenedet_ros.evaluation.histogram import ScoreHistogram
from flowenedet_ros.evaluation.limited import limited
from flowenedet_ros.evaluation.ood import OodTask, ood_figures
from flowenedet_ros.evaluation.rank_metrics import RANKS, auroc, rank_figures
from flowenedet_ros.evaluation.standard import iou_details, merged
from flowenedet_ros.evaluation.table import Figures
from flowenedet_ros.evaluation.tally import Tally

_CLASS_SETS = {'camvid/test': 'camvid', 'cityscapes': 'cityscapes'}
_NAMES = {
    tuple(info.name for info in CAMVID_CLASSES): 'camvid',
    tuple(info.name for info in CITYSCAPES_CLASSES): 'cityscapes',
}


def road_data_benchmark(
    data: Path, classes: tuple[str, ...], counting: Counting, limit: int | None
) -> Benchmark:
    """Every set of the folder that is there.

    :param classes: of the model: CamVid's or Cityscapes'.
    :raises EvaluationError: where there is no set, or the model has other classes.
    """
    figures = _RoadFigures()
    parts = []
    for name, convention in _CLASS_SETS.items():
        if (data / name / 'images').is_dir():
            label_map = _label_map(convention, classes)
            samples = limited(LabelledFolder(data / name, label_map), limit)
            task = ConcurrentTask(samples, len(classes), counting, merged(label_map))
            title = f'errors on {name}'
            parts.append(Part(title, task, figures.errors(name), _details(classes)))
    for folder in sorted((data / 'ood').glob('*/images')):
        samples = limited(LabelledFolder(folder.parent), limit)
        parts.append(Part(folder.parent.name, OodTask(samples, counting), figures.unknown))
    if not parts:
        raise EvaluationError(
            f'{data}: expected camvid/test, cityscapes or ood/SET, each with images and labels'
        )
    return Benchmark('road-data', parts, (*RANKS, 'separation'), str(data), _summary)


def _details(classes: tuple[str, ...]) -> Any:
    return lambda tally: iou_details(tally, classes)


def _label_map(convention: str, classes: tuple[str, ...]) -> str:
    own = _NAMES.get(classes)
    if own is None:
        raise EvaluationError(
            'road-data needs a model of the CamVid or of the Cityscapes classes; '
            'evaluate others by `idm` and `ood`'
        )
    return own if own == convention else f'{convention}_to_{own}'


class _RoadFigures:
    """Figures of each set; those of unknown pixels are held against the errors seen before."""

    def __init__(self) -> None:
        self._wrong: dict[str, dict[str, ScoreHistogram]] = {}

    def errors(self, name: str) -> Any:
        """Return the figures of a class-labelled set, and remember its wrong pixels."""

        def figures(tally: Tally, methods: tuple[str, ...]) -> dict[str, dict[str, Any]]:
            self._wrong[name] = {method: _histogram(tally, method, 'ood') for method in methods}
            return {
                method: rank_figures(_histogram(tally, method, 'idm').descending('wrong', 'right'))
                for method in methods
            }

        return figures

    def unknown(self, tally: Tally, methods: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        """Return the figures of an OOD set; separation is the mean over the sets of errors."""
        found = ood_figures(tally, methods)
        for method in methods:
            own = _histogram(tally, method, 'ood')
            by_set = {
                name: auroc(own.against('unknown', histograms[method], 'wrong')).value
                for name, histograms in self._wrong.items()
            }
            if by_set:
                found[method]['separation'] = sum(by_set.values()) / len(by_set)
                found[method]['separation_by_set'] = by_set
        return found


def _histogram(tally: Tally, method: str, kind: Kind) -> ScoreHistogram:
    histogram = score_histogram(tally, method, kind)
    if histogram is None:
        raise KeyError(f'{method}/{kind} was not counted')
    return histogram


def _summary(by_part: Mapping[str, Figures]) -> dict[str, dict[str, Any]]:
    """Return the means over the OOD sets, and those over the sets of errors as `idm_...`."""
    errors = {name: part for name, part in by_part.items() if name.startswith('errors on ')}
    unknown = {name: part for name, part in by_part.items() if name not in errors}
    summary = (
        mean_of_sets(unknown) if unknown else {name: {} for name in next(iter(errors.values()))}
    )
    if errors:
        for method, figures in mean_of_sets(errors).items():
            summary[method] |= {
                f'idm_{key.removeprefix("idm_")}': value for key, value in figures.items()
            }
    return summary
