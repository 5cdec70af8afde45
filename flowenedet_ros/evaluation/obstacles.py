"""SegmentMeIfYouCan's component metrics: a second pass with each method's best pixel threshold."""

from dataclasses import dataclass, field
from typing import Any

from flowenedet_ros.data.folder import Sample
from flowenedet_ros.evaluation.components import ComponentTally, SizeLimits
from flowenedet_ros.evaluation.frames import Samples, enlarge
from flowenedet_ros.evaluation.histogram import reaches
from flowenedet_ros.evaluation.methods import Scores
from flowenedet_ros.evaluation.ood import OodTask, ood_figures, ood_ranking
from flowenedet_ros.evaluation.rank_metrics import best_f1
from flowenedet_ros.evaluation.score_store import ScoreStore
from flowenedet_ros.evaluation.source import Tensors
from flowenedet_ros.evaluation.tally import Tally


@dataclass(frozen=True)
class StoredOodTask(OodTask):
    """Count OOD scores and keep the score maps for the second pass."""

    store: ScoreStore | None = None

    def measure(
        self, sample: Sample, tensors: Tensors, scores: dict[str, Scores], tally: Tally
    ) -> None:
        """Count one frame."""
        super().measure(sample, tensors, scores, tally)
        if self.store is not None:
            self.store.save(sample.name, scores)


@dataclass(frozen=True)
class ComponentTask:
    """Compare thresholded scores with objects, component by component.

    :param thresholds: by method, where its pixel F1 over the whole set is greatest, as the
        benchmark's owners choose it.
    """

    samples: Samples
    thresholds: dict[str, float]
    limits: SizeLimits
    store: ScoreStore | None = field(default=None)

    def recall(self, name: str) -> dict[str, Scores] | None:
        """Return the scores of the first pass."""
        return None if self.store is None else self.store.load(name)

    def measure(
        self, sample: Sample, tensors: Tensors | None, scores: dict[str, Scores], tally: Tally
    ) -> None:
        """Count the components of one frame."""
        for name, threshold in self.thresholds.items():
            large = enlarge(scores[name].ood, sample.labels.shape)
            predicted = reaches(large, threshold)
            components = tally.part(f'{name}/components', ComponentTally)
            components.add(predicted, sample.labels, self.limits)


def pixel_thresholds(tally: Tally, methods: tuple[str, ...]) -> dict[str, float]:
    """Return the threshold of the greatest pixel F1 of each method."""
    return {name: best_f1(ood_ranking(tally, name))[1] for name in methods}


def obstacle_figures(tally: Tally, methods: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Return pixel and component figures of each method."""
    figures = ood_figures(tally, methods)
    for name in methods:
        f1, threshold = best_f1(ood_ranking(tally, name))
        components = tally.parts.get(f'{name}/components')
        if isinstance(components, ComponentTally):
            figures[name] |= components.figures()
        figures[name] |= {'pixel_f1': f1, 'threshold': threshold}
    return figures
