"""Road frames and outliers, gathered for fitting detectors."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from flowenedet_ros.data.classes import CAMVID_CLASSES, VOID
from flowenedet_ros.data.composites import OutlierPaster
from flowenedet_ros.data.folder import LabelledFolder, Sample
from flowenedet_ros.data.label_maps import prediction_map
from flowenedet_ros.data.outliers.cutouts import (
    Cutout,
    ground_patch,
    known_cutouts,
    load_cutouts,
    void_cutouts,
)
from flowenedet_ros.data.repaint import Repainter
from flowenedet_ros.data.video import open_video
from flowenedet_ros.segmenters.interface import SegmenterSpec
from flowenedet_ros.training.cached_samples import CachedSamples
from flowenedet_ros.training.detector_views import FrameSource
from flowenedet_ros.training.errors import TrainingError
from flowenedet_ros.training.fit_detectors import Material
from flowenedet_ros.training.scene_samples import SceneSamples
from flowenedet_ros.training.segmentation_views import Samples
from flowenedet_ros.training.side_by_side import SideBySide

_GROUND = {'road', 'pavement', 'sidewalk', 'terrain'}
_THINGS = {
    *('car', 'truck', 'bus', 'motorcycle', 'bicycle', 'bicyclist', 'rider', 'person'),
    *('pedestrian', 'sign', 'traffic sign', 'traffic light'),
}
_CUT_FROM = 60
_CUTS_SEED = 2000
_DONORS = 24
_HELD_OUT = 5
_VIDEO_FRAMES = 60
_SCENES_SEED = 1000


@dataclass(frozen=True)
class FolderChoice:
    """Labelled frames to take.

    :param label_map: name of the table that takes the files' ids to the segmenter's, or None.
    :param repeats: views of each frame.
    :param step: take every step-th frame.
    """

    folder: Path
    label_map: str | None = None
    repeats: int = 1
    step: int = 1


class EveryNth:
    """Every n-th sample of a source."""

    def __init__(self, source: Samples, step: int) -> None:
        self._source, self._step = source, step

    def __len__(self) -> int:
        return -(-len(self._source) // self._step)

    def __getitem__(self, index: int) -> Sample:
        """Give one of them."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._source[index * self._step]


def gather_material(
    train: Sequence[FolderChoice],
    validation: Sequence[FolderChoice],
    more: Sequence[FrameSource],
    outliers: Sequence[Path],
    spec: SegmenterSpec,
    *,
    known: Sequence[Path],
    repaint: bool,
) -> Material:
    """Open the folders and prepare what is pasted.

    Frames of which two fit beside each other into the network's input are shown in pairs as well.
    Every fifth cut-out of a folder of `outliers` is kept from training and pasted into validation
    frames, beside known things that are cut out of these.

    :param more: frames from elsewhere to train on, such as `unlabelled_frames` and `scene_frames`.
    :param outliers: folders of RGBA cut-outs of things that no class covers.
    :param known: folders of RGBA cut-outs of things that a class covers.
    :param repaint: show training frames in more looks.
    :raises TrainingError: there are no frames.
    :raises DataError: a folder is not what it should be.
    """
    sources = [_source(choice) for choice in train]
    if not sources:
        raise TrainingError('no frames to train on: name a folder with images/ and labels/')
    cutouts = [load_cutouts(folder) for folder in outliers]
    donors = [_sample_at(sources, i).image for i in range(_DONORS)]
    names = [info.name for info in spec.classes]
    ground, things = (_ids(names, chosen) for chosen in (_GROUND, _THINGS))
    found, seen, patches = _cut_out(sources, ground, things)
    rendered = [cutout for folder in known for cutout in load_cutouts(folder)]
    held_out = [_source(choice) for choice in validation]
    _, unseen, _ = _cut_out(held_out, ground, things)
    kept = [[cut for i, cut in enumerate(cuts) if i % _HELD_OUT] for cuts in cutouts]
    apart = [cuts[::_HELD_OUT] for cuts in cutouts]
    folders = [str((c.folder.name, c.label_map, c.repeats, c.step)) for c in (*train, *validation)]
    return Material(
        train=[*sources, *_pairs(sources, spec), *more],
        validation=[*held_out, *_pairs(held_out, spec)],
        paster=OutlierPaster(kept, found, donors, ground, seen, rendered, patches),
        held_out_paster=OutlierPaster(apart, ground=ground, known=unseen),
        repainter=Repainter(ground) if repaint else None,
        identity={
            'frames': folders,
            'more': [(len(source.samples), source.labelled) for source in more],
            'cutouts': [*map(len, (*kept, found, seen, rendered, patches))],
        },
    )


class VideoSamples:
    """Frames of a video or a folder of pictures, without labels."""

    def __init__(self, path: Path, most: int = _VIDEO_FRAMES) -> None:
        frames = [frame.image_bgr for frame in open_video(path)]
        self._images = frames[:: -(-len(frames) // most)]

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Sample:
        """Give one frame, all of it void."""
        image = self._images[index]
        return Sample(image, np.full(image.shape[:2], VOID, np.uint8), str(index))


def unlabelled_frames(path: str | Path) -> FrameSource:
    """Take at most 60 frames, spread over a video or a folder of pictures.

    :raises DataError: there is no frame to read.
    """
    samples = VideoSamples(Path(path))
    return FrameSource(samples, np.arange(256, dtype=np.uint8), labelled=False)


def scene_frames(count: int, spec: SegmenterSpec) -> FrameSource:
    """Take `count` synthetic streets, with the unknown obstacles that stand in them.

    :raises TrainingError: the segmenter's classes are not those of the scenes.
    """
    if [info.name for info in spec.classes] != [info.name for info in CAMVID_CLASSES]:
        raise TrainingError(
            'synthetic scenes are labelled with the 11 CamVid classes; the segmenter has others'
        )
    samples = CachedSamples(SceneSamples(count, spec.input_size, seed=_SCENES_SEED))
    return FrameSource(samples, np.arange(256, dtype=np.uint8))


def _source(choice: FolderChoice) -> FrameSource:
    merge = prediction_map(choice.label_map or 'cityscapes')
    samples: Samples = LabelledFolder(choice.folder, choice.label_map)
    if choice.step > 1:
        samples = EveryNth(samples, choice.step)
    return FrameSource(samples, merge, repeats=choice.repeats)


def _cut_out(
    sources: Sequence[FrameSource], ground: Sequence[int], things: Sequence[int]
) -> tuple[list[Cutout], list[Cutout], list[Cutout]]:
    """Cut unlabelled and known things and ground out of at most 60 frames of each source."""
    rng = np.random.default_rng(_CUTS_SEED)
    unlabelled, known, patches = [], [], []
    for source in sources:
        for index in range(0, len(source.samples), max(1, len(source.samples) // _CUT_FROM)):
            sample = source.samples[index]
            unlabelled += void_cutouts(sample.image, sample.labels)
            known += known_cutouts(sample.image, sample.labels, things)
            cut = (ground_patch(rng, sample.image, sample.labels, ground) for _ in range(2))
            patches += [patch for patch in cut if patch is not None]
    return unlabelled, known, patches


def _pairs(sources: Sequence[FrameSource], spec: SegmenterSpec) -> list[FrameSource]:
    """Take pairs of frames from the sources of which two fit into the network's input."""
    return [
        replace(source, samples=SideBySide(source.samples))
        for source in sources
        if 2 * source.samples[0].labels.shape[1] <= spec.input_size[1]
    ]


def _sample_at(sources: Sequence[FrameSource], number: int) -> Sample:
    samples = sources[number % len(sources)].samples
    return samples[(number * 37) % len(samples)]


def _ids(class_names: Sequence[str], chosen: Collection[str]) -> list[int]:
    return [i for i, name in enumerate(class_names) if name in chosen]
