"""From a frozen segmenter and road frames to fitted detectors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from flowenedet_ros.data.classes import VOID
from flowenedet_ros.data.composites import OutlierPaster
from flowenedet_ros.data.repaint import Repainter
from flowenedet_ros.detector.base import Detector, DetectorConfig, Variant
from flowenedet_ros.detector.build import build_detector
from flowenedet_ros.detector.concurrent import ConcurrentDetector
from flowenedet_ros.detector.loss import CORRECT, INLIER, concurrent_loss, published_loss
from flowenedet_ros.detector.sml import SmlEstimator, SmlStatistics
from flowenedet_ros.segmenters.interface import FrozenSegmenter
from flowenedet_ros.training.detector_training import (
    DetectorTrainer,
    DetectorTraining,
    Loss,
    choose_readout,
)
from flowenedet_ros.training.detector_validation import validate
from flowenedet_ros.training.detector_views import DetectorViews, FrameSource
from flowenedet_ros.training.distributed import Process
from flowenedet_ros.training.emphasis import outlier_emphasis
from flowenedet_ros.training.feature_cache import CachedFeatures, fill_cache
from flowenedet_ros.training.ranking import Ranking

_NORMALISATION_VIEWS = 60
_LIKELIHOOD = 0.03
_VIEWS_SEED = 10
_WIDE = 64
PUBLISHED = ('fed_u', 'fed_c')
"""Variants fitted as published: on plain frames, without pasted outliers."""


@dataclass(frozen=True)
class Material:
    """What detectors are fitted on.

    :param train: frames of every camera.
    :param validation: frames never trained on; outliers are pasted into them as well.
    :param paster: for training frames. :param held_out_paster: for validation frames.
    :param repainter: for training frames of the concurrent detector, None for none.
    :param identity: names the frames and cut-outs, so that cached features are found again.
    """

    train: Sequence[FrameSource]
    validation: Sequence[FrameSource]
    paster: OutlierPaster
    held_out_paster: OutlierPaster
    repainter: Repainter | None
    identity: Mapping[str, Any]


@dataclass(frozen=True)
class Caches:
    """Segmenter outputs of frames with outliers pasted, of plain frames, and of validation.

    :param plain: None where no variant is fitted as published, without pasted outliers.
    """

    pasted: CachedFeatures
    validation: CachedFeatures
    plain: CachedFeatures | None


def cache_material(
    segmenter: FrozenSegmenter,
    material: Material,
    root: Path,
    device: torch.device,
    *,
    plain: bool,
) -> Caches:
    """Segment every view once, or open what an earlier run left in `root`.

    The views are the same for every seed of a fit, so that seeds share a cache.
    """
    size, seed = segmenter.spec.input_size, _VIEWS_SEED
    views = {
        'pasted': DetectorViews(
            material.train, size, material.paster, seed=seed, repainter=material.repainter
        ),
        'validation': DetectorViews(
            material.validation, size, material.held_out_paster, seed=seed + 2, augment=False
        ),
    }
    if plain:
        views['plain'] = DetectorViews(material.train, size, None, seed=seed + 1)
    filled = {
        name: fill_cache(root, segmenter, chosen, {**material.identity, 'set': name}, device)
        for name, chosen in views.items()
    }
    return Caches(filled['pasted'], filled['validation'], filled.get('plain'))


def gather_statistics(cache: CachedFeatures, classes: int) -> SmlStatistics:
    """Gather the SML statistics over the rightly classified pixels of all views."""
    estimator = SmlEstimator(classes)
    for index in range(len(cache)):
        output, target = cache.view(index)
        labels = output.logits.argmax(1).masked_fill(target != CORRECT, VOID)
        estimator.update(output.logits, labels)
    return estimator.statistics()


def detector_config(segmenter: FrozenSegmenter, variant: Variant) -> DetectorConfig:
    """Configure a detector for a segmenter; FED takes its published form."""
    spec = segmenter.spec
    is_fed = variant in PUBLISHED
    # A narrow embedding tells a small segmenter, of whose parameters two percent are few.
    is_narrow = (spec.embedding_channels or _WIDE) < _WIDE
    return DetectorConfig(
        variant,
        len(spec.classes),
        spec.embedding_channels if variant != 'fed_u' else None,
        None if is_fed else spec.deep_channels,
        form='published' if is_fed else 'corrected',
        width=32,
        deep_width=9 if is_narrow else 12,
        # Beside a wide embedding the deeper map needs no restraint: one expert does better there.
        experts=2 if is_narrow else 1,
        # Small obstacles gain from it; of a wide embedding it would cost more than they are worth.
        embedding_cells=not is_fed and is_narrow,
    )


def detector_training(variant: Variant, steps: int, seed: int, identity: str) -> DetectorTraining:
    """Settings of one fit; FED has the published optimiser's (method section 1.6).

    Its steps see fewer crops, as its 7x7 convolutions of full width are dear; the published ones
    see a single crop, of eight times the area.
    """
    settings = DetectorTraining(variant, steps=steps, seed=seed, identity=identity)
    if variant in PUBLISHED:
        settings = replace(settings, learning_rate=1e-3, weight_decay=1e-2, batch_size=4)
    return settings


def fit_detector(
    config: DetectorConfig,
    settings: DetectorTraining,
    caches: Caches,
    statistics: SmlStatistics,
    out: Path,
    process: Process,
) -> tuple[Detector, dict[str, Ranking]]:
    """Fit one detector; give it with its validation figures."""
    torch.manual_seed(settings.seed)
    detector = build_detector(config)
    detector.set_statistics(statistics)
    if isinstance(detector, ConcurrentDetector):
        train, loss = caches.pasted, _concurrent(detector.is_density)
        step = max(1, len(caches.pasted) // _NORMALISATION_VIEWS)
        detector.fit_normalisation(
            caches.pasted.view(i)[0] for i in range(0, len(caches.pasted), step)
        )
    else:
        assert caches.plain is not None  # the caller knows its variants
        train, loss = caches.plain, _published
    trainer = DetectorTrainer(settings, detector, loss, train, caches.validation, out, process)
    fitted = trainer.fit()
    if isinstance(fitted, ConcurrentDetector):
        choose_readout(fitted, caches.validation)
    return fitted, validate(fitted, caches.validation)


def _concurrent(is_density: bool) -> Loss:
    likelihood = _LIKELIHOOD if is_density else 0.0

    def loss(joint: Tensor, target: Tensor) -> Tensor:
        emphasis = outlier_emphasis(target)
        return concurrent_loss(joint, target, emphasis=emphasis, likelihood=likelihood)

    return loss


def _published(joint: Tensor, target: Tensor) -> Tensor:
    """Cross entropy of correct against misclassified or void, as published.

    Frames without labels teach nothing here.
    """
    wrong = (target != CORRECT).long()
    return published_loss(joint, wrong.masked_fill(target == INLIER, VOID))
