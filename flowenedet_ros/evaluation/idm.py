"""Detection of misclassified pixels: class labels against the segmenter's own answer."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.data.folder import Sample
from flowenedet_ros.evaluation.confusion import Confusion
from flowenedet_ros.evaluation.counting import (
    Counting,
    count,
    counted_scores,
    note_frame,
    note_pixels,
)
from flowenedet_ros.evaluation.frames import Samples, nearest
from flowenedet_ros.evaluation.histogram import Ranking
from flowenedet_ros.evaluation.methods import Scores
from flowenedet_ros.evaluation.pixel_groups import PixelGroups
from flowenedet_ros.evaluation.rank_metrics import rank_figures
from flowenedet_ros.evaluation.reliability import reliability, risk_coverage
from flowenedet_ros.evaluation.source import Tensors
from flowenedet_ros.evaluation.tally import Tally

_GROUPS = ('right', 'wrong')


def identity_map() -> NDArray[np.uint8]:
    """Return the table that leaves predictions as they are."""
    return np.arange(256, dtype=np.uint8)


@dataclass(frozen=True)
class IdmTask:
    """Count the IDM scores of pixels that are predicted right and wrong.

    :param classes: of the label maps as read; ids beyond them are ignored.
    :param prediction_map: table of 256 that brings predictions to the ids of the labels.
    """

    samples: Samples
    classes: int
    counting: Counting = field(default_factory=Counting)
    prediction_map: NDArray[np.uint8] = field(default_factory=identity_map)

    def measure(
        self, sample: Sample, tensors: Tensors, scores: dict[str, Scores], tally: Tally
    ) -> None:
        """Count one frame."""
        labels = self.counting.labels(sample, scores)
        predicted = self.predicted(tensors, labels.shape)
        groups = PixelGroups(right_and_wrong(labels, predicted, self.classes))
        note_pixels(groups, tally)
        tally.part('confusion', partial(Confusion, self.classes)).add(labels, predicted)
        for name, keys in self.counting.keys(sample, scores, ('idm',)):
            histogram = count(keys['idm'], groups, tally, f'{name}/idm', _GROUPS)
            note_frame(tally, sample.name, name, histogram, ('wrong', 'right'))

    def predicted(self, tensors: Tensors, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Return the segmenter's answer as ids of the labels, at their height and width."""
        ids = cv2.LUT(tensors.labels, self.prediction_map)
        return nearest(np.asarray(ids, np.uint8), shape)


def right_and_wrong(
    labels: NDArray[np.uint8], predicted: NDArray[np.uint8], classes: int
) -> dict[str, NDArray[np.bool_]]:
    """Return where labelled pixels are predicted right, and wrong."""
    same = labels == predicted
    known = labels < classes
    return {'right': same & known, 'wrong': known & ~same}


def idm_ranking(tally: Tally, method: str) -> Ranking:
    """Return wrong against right pixels of all frames."""
    histogram = counted_scores(tally, method, 'idm', _GROUPS)
    return histogram.descending('wrong', 'right')


def idm_figures(tally: Tally, methods: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Return AUROC, AP, FPR95 and AURC of each method."""
    figures = {}
    for name in methods:
        ranking = idm_ranking(tally, name)
        figures[name] = {**rank_figures(ranking), 'aurc': risk_coverage(ranking).aurc}
    return figures


def calibration_error(ranking: Ranking, scale: float, offset: float) -> float | None:
    """Return the ECE of sigmoid(scale * score + offset), None where nothing was counted."""
    result = reliability(ranking.as_rates(scale, offset))
    return None if result is None else result.ece
