"""Find the pairs of picture and label map in the trees that benchmarks are published as."""

from collections.abc import Callable, Iterator
from pathlib import Path

from .folder import Pair
from .images import IMAGE_SUFFIXES, list_images

Finder = Callable[[Path, str], list[Pair]]
"""Return the pairs below a folder in a split; empty where the tree is another."""


def _images(folder: Path) -> list[Path]:
    return list_images(folder) if folder.is_dir() else []


def beside(images: str, labels: str, *suffixes: str) -> Finder:
    """Pair `images/STEM.*` with `labels/STEMsuffix.png`; pictures without labels are left out.

    The tracks of SegmentMeIfYouCan hold test pictures whose labels are secret.
    """

    def find(folder: Path, split: str) -> list[Pair]:
        pairs = []
        for image in _images(folder / images):
            names = (f'{image.stem}{suffix}.png' for suffix in suffixes)
            label = next((p for n in names if (p := folder / labels / n).is_file()), None)
            if label is not None:
                pairs.append(Pair(image, label, image.stem))
        return pairs

    return find


def tree(truth: str, *endings: str) -> Finder:
    """Pair `leftImg8bit/SPLIT/CITY/X_leftImg8bit.*` with `TRUTH/SPLIT/CITY/X_ENDING.png`."""

    def find(folder: Path, split: str) -> list[Pair]:
        pairs = []
        for image in _photographs(folder / 'leftImg8bit' / split):
            stem = image.stem.removesuffix('_leftImg8bit')
            city = folder / truth / split / image.parent.name
            labels = (city / f'{stem}_{ending}.png' for ending in endings)
            found = next((path for path in labels if path.is_file()), None)
            if found is not None:
                pairs.append(Pair(image, found, stem))
        return pairs

    return find


def _photographs(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.glob('*/*_leftImg8bit.*')):
        if path.suffix.lower() in IMAGE_SUFFIXES:
            yield path


# Scenes of Lost and Found whose obstacles a Cityscapes segmenter knows: children, bicycles
# (SegmentMeIfYouCan, LostAndFound-NoKnown).
_KNOWN_OBSTACLES = (
    '15_Rechbergstr_Deckenpfronn',
    '01_Hanns_Klemm_Str_45_000006',
    '01_Hanns_Klemm_Str_45_000007',
    '10_Schlossberg_9_000004',
)


def without_known_obstacles(folder: Path, split: str) -> list[Pair]:
    """Pair the test pictures of Lost and Found whose obstacles no Cityscapes class covers."""
    # Its published split is `test`, whatever the other sets of a report are asked for.
    pairs = tree('gtCoarse', 'gtCoarse_labelIds')(folder, 'test')
    return [pair for pair in pairs if not pair.name.startswith(_KNOWN_OBSTACLES)]


def fishyscapes_masks(folder: Path, split: str) -> list[Pair]:
    """Pair the masks `NNNN_X_labels.png` of Fishyscapes with Lost and Found's own pictures."""
    masks = sorted((folder / 'fishyscapes_lostandfound').glob('*_labels.png'))
    if not masks:
        return []
    trees = [folder / 'leftImg8bit', folder / 'lostandfound' / 'leftImg8bit']
    photographs = {
        path.stem.removesuffix('_leftImg8bit'): path
        for tree in trees
        for part in ('train', 'test')
        for path in _photographs(tree / part)
    }
    pairs = []
    for mask in masks:
        stem = mask.stem.removesuffix('_labels').partition('_')[2]
        if stem in photographs:
            pairs.append(Pair(photographs[stem], mask, stem))
    return pairs


def frames_with_labels(folder: Path, split: str) -> list[Pair]:
    """Pair `frames/STEM.*` with `frames/STEM.labels/labels_semantic.png`, as RoadAnomaly is."""
    frames = folder / 'frames'
    found = (
        (image, frames / f'{image.stem}.labels' / 'labels_semantic.png')
        for image in _images(frames)
    )
    return [Pair(image, labels, image.stem) for image, labels in found if labels.is_file()]
