"""Published layouts of road benchmarks, found by what lies in a folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import label_maps
from .classes import VOID
from .errors import DataError
from .folder import LABEL_FOLDERS, Pair, PairedImages
from .images import describe
from .label_maps import Lut
from .layout_finders import (
    Finder,
    beside,
    fishyscapes_masks,
    frames_with_labels,
    tree,
    without_known_obstacles,
)

OOD_LABELS = (0, 1, VOID)
"""In-distribution, out-of-distribution, ignored."""


class BenchmarkFolder(PairedImages):
    """Labelled pictures of a benchmark.

    :param layout: name of the layout that was found.
    """

    def __init__(
        self, layout: str, pairs: list[Pair], lut: Lut | None, allowed: range | None
    ) -> None:
        ids = OOD_LABELS if allowed is None else (*allowed, VOID)
        super().__init__(pairs, lut, ids)
        self.layout = layout


@dataclass(frozen=True)
class Layout:
    """One way to lay out a labelled data set.

    :param name: short.
    :param expected: its files, as an error message shows them.
    :param pairs: finds the files below a folder and a split; empty where they are not there.
    :param lut: from the files' ids to those of the task.
    """

    name: str
    expected: str
    pairs: Finder
    lut: Lut | None = None


def _ood_lut(usual: int, anomalies: range) -> Lut:
    table = np.full(256, VOID, np.uint8)
    table[usual] = 0
    table[anomalies.start : anomalies.stop] = 1
    return table


_PLAIN = tuple(
    Layout('plain', f'images/STEM.* and {labels}/STEM.png', beside('images', labels, ''))
    for labels in LABEL_FOLDERS
)

SEMANTIC_LAYOUTS = (
    Layout(
        'cityscapes',
        'leftImg8bit/SPLIT/CITY/*_leftImg8bit.png and '
        'gtFine/SPLIT/CITY/*_gtFine_labelTrainIds.png (or *_gtFine_labelIds.png)',
        tree('gtFine', 'gtFine_labelTrainIds'),
    ),
    Layout(
        'cityscapes',
        '',
        tree('gtFine', 'gtFine_labelIds'),
        label_maps.label_map('cityscapes_ids_to_train_ids'),
    ),
    *_PLAIN,
)
"""Layouts of labels that are classes."""

OOD_LAYOUTS = (
    *_PLAIN,
    Layout(
        'segment-me-if-you-can',
        'images/STEM.* and labels_masks/STEM_labels_semantic.png',
        beside('images', 'labels_masks', '_labels_semantic', ''),
    ),
    Layout(
        'fishyscapes',
        'leftImg8bit/SPLIT/*/*_leftImg8bit.png and gtFine/SPLIT/*/*_gtFine_labelTrainIds.png',
        tree('gtFine', 'gtFine_labelTrainIds', 'gtFine_labelIds'),
    ),
    Layout(
        'fishyscapes-lost-and-found',
        'fishyscapes_lostandfound/NNNN_X_labels.png and leftImg8bit/*/*/X_leftImg8bit.png',
        fishyscapes_masks,
    ),
    Layout(
        'fishyscapes-original',
        'original/STEM.* and labels/STEM.png',
        beside('original', 'labels', ''),
    ),
    Layout(
        'lost-and-found-no-known',
        'leftImg8bit/test/*/*_leftImg8bit.png and gtCoarse/test/*/*_gtCoarse_labelIds.png',
        without_known_obstacles,
        _ood_lut(1, range(2, 201)),
    ),
    Layout(
        'road-anomaly',
        'frames/STEM.jpg and frames/STEM.labels/labels_semantic.png',
        frames_with_labels,
        # Everything that is not an anomaly counts as usual in RoadAnomaly.
        np.where(np.arange(256) >= 2, 1, 0).astype(np.uint8),
    ),
)
"""Layouts of labels that are 0 in-distribution, 1 out-of-distribution, 255 ignored."""


def open_semantic(folder: str | Path, split: str = 'val', classes: int = 19) -> BenchmarkFolder:
    """Open labelled classes in whichever published layout a folder has.

    Cityscapes with its own ids or trainIds comes out as trainIds.

    :param split: `val`, `train` or `test`, where the layout has splits.
    :param classes: ids below this number and 255 may come out.
    :raises DataError: where no layout fits; it lists what was expected and what was found.
    """
    return _open(Path(folder), split, SEMANTIC_LAYOUTS, range(classes))


def open_ood(folder: str | Path, split: str = 'val') -> BenchmarkFolder:
    """Open labelled unknown objects in whichever published layout a folder has.

    :raises DataError: where no layout fits; it lists what was expected and what was found.
    """
    return _open(Path(folder), split, OOD_LAYOUTS, None)


def _open(
    folder: Path, split: str, layouts: tuple[Layout, ...], allowed: range | None
) -> BenchmarkFolder:
    for layout in layouts:
        pairs = layout.pairs(folder, split)
        if pairs:
            _refuse_twins(folder, pairs)
            return BenchmarkFolder(layout.name, pairs, layout.lut, allowed)
    expected = '\n'.join(f'  {layout.expected}' for layout in layouts if layout.expected)
    raise DataError(
        f'{folder}: expected labelled pictures (split {split!r}) in one of these layouts:\n'
        f'{expected}\nfound: {_survey(folder)}'
    )


def _refuse_twins(folder: Path, pairs: list[Pair]) -> None:
    seen: dict[str, Path] = {}
    for pair in pairs:
        if pair.name in seen:
            raise DataError(f'{folder}: {seen[pair.name]} and {pair.image} share one name')
        seen[pair.name] = pair.image


def _survey(folder: Path) -> str:
    """Describe a folder and, where it has few entries, what is in them."""
    top = describe(folder)
    if not folder.is_dir():
        return top
    inner = [path for path in sorted(folder.iterdir()) if path.is_dir()][:4]
    return '; '.join([top, *(f'{path.name}/ with {describe(path)}' for path in inner)])


_FISHYSCAPES = {
    'lost_and_found': ('FsValLF', 'fs_lostandfound', 'FS_LostFound_full', 'LostAndFound'),
    'static': ('FsValV3Static', 'fs_static', 'FS_Static', 'Static'),
}
_SEGMENT_ME_IF_YOU_CAN = {
    'anomaly_track': ('dataset_AnomalyTrack', 'RoadAnomaly21', 'smiyc_roadanomaly21'),
    'obstacle_track': (
        *('dataset_ObstacleTrack', 'RoadObstacle21', 'RoadObsticle21', 'smiyc_roadobstacle21'),
    ),
    'lost_and_found_no_known': ('dataset_LostAndFound', 'LostAndFound'),
    'road_anomaly': ('RoadAnomaly', 'RoadAnomaly_jpg', 'dataset_RoadAnomaly', 'road_anomaly'),
}


def open_fishyscapes(folder: str | Path) -> dict[str, BenchmarkFolder]:
    """Open `lost_and_found` and `static`, whichever lie in a folder; or the one that it is.

    :raises DataError: where there is neither.
    """
    return _open_parts(Path(folder), _FISHYSCAPES)


def open_segment_me_if_you_can(folder: str | Path) -> dict[str, BenchmarkFolder]:
    """Open `anomaly_track`, `obstacle_track`, `lost_and_found_no_known` and `road_anomaly`.

    As many as lie in the folder; or the one that it is.

    :raises DataError: where there is none.
    """
    return _open_parts(Path(folder), _SEGMENT_ME_IF_YOU_CAN)


def _open_parts(folder: Path, parts: Mapping[str, tuple[str, ...]]) -> dict[str, BenchmarkFolder]:
    found = {}
    for part, names in parts.items():
        place = next((folder / name for name in names if (folder / name).is_dir()), None)
        if place is not None:
            found[part] = open_ood(place)
    if found:
        return found
    own = next((part for part, names in parts.items() if folder.name in names), None)
    try:
        return {own or folder.name: open_ood(folder)}
    except DataError as error:
        subfolders = ', '.join(f'{names[0]}/' for names in parts.values())
        raise DataError(f'{error}\n(or any of the folders {subfolders})') from None
