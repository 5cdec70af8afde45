"""Cityscapes as the FlowEneDet paper uses it: errors, void as the unknown, and open-mIoU."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from math import fsum, isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.data.folder import Sample
from flowenedet_ros.evaluation.confusion import Confusion
from flowenedet_ros.evaluation.counting import (
    ONE,
    Kind,
    count,
    counted_scores,
    frame_histogram,
    note_pixels,
)
from flowenedet_ros.evaluation.frames import enlarge
from flowenedet_ros.evaluation.histogram import score_keys
from flowenedet_ros.evaluation.idm import IdmTask, right_and_wrong
from flowenedet_ros.evaluation.methods import PRODUCT, Scores
from flowenedet_ros.evaluation.open_miou import OpenGroups, OpenHistogram
from flowenedet_ros.evaluation.pixel_groups import PixelGroups
from flowenedet_ros.evaluation.rank_metrics import RANKS, best_f1, rank_figures, rank_values
from flowenedet_ros.evaluation.source import Tensors
from flowenedet_ros.evaluation.tally import Tally

_GROUPS = ('right', 'wrong', 'unknown')
_RANKED: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    'idm': (('wrong',), ('right',)),
    'ood': (('unknown',), ('right', 'wrong')),
    'joint': (('wrong', 'unknown'), ('right',)),
}
"""Positives and negatives of misclassified, of void and of both kinds of pixels."""
_TASKS: tuple[Kind, ...] = ('idm', 'ood')


def joint_score(scores: Scores) -> NDArray[np.float32]:
    """Return one score for wrong-or-void: the odds of both add up; one score stays as it is."""
    if scores.idm is scores.ood:
        return scores.idm
    return np.logaddexp(scores.idm, scores.ood)


@dataclass(frozen=True)
class CityscapesTask(IdmTask):
    """Count right, wrong and void pixels; note figures and best thresholds by frame."""

    def measure(
        self, sample: Sample, tensors: Tensors, scores: dict[str, Scores], tally: Tally
    ) -> None:
        """Count one frame."""
        labels = self.counting.labels(sample, scores)
        predicted = self.predicted(tensors, labels.shape)
        masks = right_and_wrong(labels, predicted, self.classes)
        groups = PixelGroups({**masks, 'unknown': labels >= self.classes})
        note_pixels(groups, tally)
        tally.part('confusion', partial(Confusion, self.classes)).add(labels, predicted)
        opened = OpenGroups(predicted, predicted != labels, self.classes)
        noted: dict[str, float] = {}
        for name, keys in self.counting.keys(sample, scores, ('idm', 'ood')):
            one_score = keys['idm'] is keys['ood']
            joint = keys['idm']
            if not one_score:
                joint = score_keys(enlarge(joint_score(scores[name]), predicted.shape))
            frame = frame_histogram(joint, groups, _GROUPS)
            of_frame = tuple(_RANKED) if one_score else ('joint',)
            pairs = (_RANKED[kind] for kind in of_frame)
            ranked = dict(zip(of_frame, frame.rankings(*pairs), strict=True))
            noted[f'{name}/threshold'] = best_f1(ranked['joint'])[1]
            for kind in _TASKS:
                if not one_score:
                    own = count(keys[kind], groups, tally, f'{name}/{kind}', _GROUPS)
                    ranked[kind] = own.ranking(*_RANKED[kind])
                values = rank_values(ranked[kind])
                noted |= {f'{name}/{kind}/{key}': value for key, value in values.items()}
            tally.add(f'{name}/{ONE if one_score else "joint"}', frame)
            tally.add(f'{name}/open', OpenHistogram(opened.counts(joint)))
        tally.frames[sample.name] = noted | {
            key: noted[f'{PRODUCT}/idm/{key}'] for key in RANKS if f'{PRODUCT}/idm/{key}' in noted
        }


def mean_over_frames(tally: Tally, key: str) -> float:
    """Return the mean of a figure over the frames that have it, NaN if none has."""
    values = [frame[key] for frame in tally.frames.values() if isfinite(frame.get(key, np.nan))]
    return fsum(values) / len(values) if values else float('nan')


class CityscapesFigures:
    """From a tally to figures; remembers the thresholds of the held-out split.

    The paper's threshold is the mean over the evaluated images of each image's F1-optimal one: it
    is tuned on the test labels. The held-out one is found likewise on other images.
    """

    def __init__(self) -> None:
        self.thresholds: dict[str, float] = {}

    def held_out(self, tally: Tally, methods: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        """Remember thresholds; return the figures of the held-out split."""
        self.thresholds = {name: mean_over_frames(tally, f'{name}/threshold') for name in methods}
        return self(tally, methods)

    def __call__(self, tally: Tally, methods: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        """Return the figures of each method; those of errors come without a prefix."""
        return {name: self._of(tally, name) for name in methods}

    def _of(self, tally: Tally, name: str) -> dict[str, Any]:
        found: dict[str, Any] = {
            kind: rank_figures(counted_scores(tally, name, kind, _GROUPS).ranking(*ranked))
            for kind, ranked in _RANKED.items()
        }
        for kind in _TASKS:
            found[kind]['per_image'] = {
                key: mean_over_frames(tally, f'{name}/{kind}/{key}') for key in RANKS
            }
        return {
            **{key: found['idm'][key] for key in RANKS},
            **{f'ood_{key}': found['ood'][key] for key in RANKS},
            **found,
            **self._open(tally, name),
        }

    def _open(self, tally: Tally, name: str) -> dict[str, Any]:
        histogram = tally.parts.get(f'{name}/open')
        tuned = mean_over_frames(tally, f'{name}/threshold')
        if not isinstance(histogram, OpenHistogram) or not isfinite(tuned):
            return {}
        found: dict[str, Any] = {
            'open_miou': histogram.mean_iou(tuned),
            'open_miou_threshold': tuned,
            'open_miou_threshold_from': 'the evaluated labels, as in the paper',
        }
        held_out = self.thresholds.get(name, float('nan'))
        if isfinite(held_out):
            found |= {
                'open_miou_held_out': histogram.mean_iou(held_out),
                'open_miou_held_out_threshold': held_out,
                'open_miou_held_out_threshold_from': 'the held-out split',
            }
        return found
