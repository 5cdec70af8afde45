"""Out-of-distribution detection: labels 0 known, 1 unknown, 255 ignored, pooled over pixels."""

from dataclasses import dataclass, field
from typing import Any

from flowenedet_ros.data.folder import Sample
from flowenedet_ros.evaluation.counting import (
    Counting,
    check_ood_labels,
    count,
    counted_scores,
    note_frame,
    note_pixels,
)
from flowenedet_ros.evaluation.frames import Samples
from flowenedet_ros.evaluation.histogram import Ranking
from flowenedet_ros.evaluation.methods import Scores
from flowenedet_ros.evaluation.pixel_groups import PixelGroups
from flowenedet_ros.evaluation.rank_metrics import rank_figures
from flowenedet_ros.evaluation.source import Tensors
from flowenedet_ros.evaluation.tally import Tally

_GROUPS = ('known', 'unknown')


@dataclass(frozen=True)
class OodTask:
    """Count the OOD scores of known and of unknown pixels."""

    samples: Samples
    counting: Counting = field(default_factory=Counting)

    def measure(
        self, sample: Sample, tensors: Tensors, scores: dict[str, Scores], tally: Tally
    ) -> None:
        """Count one frame."""
        check_ood_labels(sample)
        labels = self.counting.labels(sample, scores)
        groups = PixelGroups({'known': labels == 0, 'unknown': labels == 1})
        note_pixels(groups, tally)
        for name, keys in self.counting.keys(sample, scores, ('ood',)):
            histogram = count(keys['ood'], groups, tally, f'{name}/ood', _GROUPS)
            note_frame(tally, sample.name, name, histogram, ('unknown', 'known'))


def ood_ranking(tally: Tally, method: str) -> Ranking:
    """Return unknown against known pixels of all frames."""
    histogram = counted_scores(tally, method, 'ood', _GROUPS)
    return histogram.descending('unknown', 'known')


def ood_figures(tally: Tally, methods: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Return AUROC, AP and FPR95 of each method, with their error bounds."""
    return {name: rank_figures(ood_ranking(tally, name)) for name in methods}
