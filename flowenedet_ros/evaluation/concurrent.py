"""Both tasks at once: can a method tell an unknown object from an ordinary error?

Separation is the AUROC of the OOD score, unknown pixels against misclassified known ones. A method
with one score for both tasks cannot do it well: what it calls an error, it calls unknown.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

from flowenedet_ros.data.classes import OUTLIER
from flowenedet_ros.data.folder import Sample
from flowenedet_ros.evaluation.confusion import Confusion
from flowenedet_ros.evaluation.counting import (
    ONE,
    check_ood_labels,
    count,
    counted_scores,
    frame_histogram,
    note_frame,
    note_pixels,
)
from flowenedet_ros.evaluation.idm import IdmTask, right_and_wrong
from flowenedet_ros.evaluation.methods import Scores
from flowenedet_ros.evaluation.pixel_groups import PixelGroups
from flowenedet_ros.evaluation.rank_metrics import auroc, rank_figures
from flowenedet_ros.evaluation.source import Tensors
from flowenedet_ros.evaluation.tally import Tally

_GROUPS = ('right', 'wrong', 'known', 'unknown')


class BothSets:
    """Class-labelled pictures, then OOD-labelled ones, under names that tell them apart."""

    def __init__(self, known: Any, ood: Any) -> None:
        self.known = known
        self.ood = ood

    @property
    def names(self) -> list[str]:
        """Names of all pictures."""
        return [*(f'idm/{n}' for n in self.known.names), *(f'ood/{n}' for n in self.ood.names)]

    def __len__(self) -> int:
        return len(self.known) + len(self.ood)

    def __getitem__(self, index: int) -> Sample:
        """Read one picture of either set."""
        border = len(self.known)
        sample: Sample = self.known[index] if index < border else self.ood[index - border]
        return Sample(sample.image, sample.labels, self.names[index])


@dataclass(frozen=True)
class ConcurrentTask(IdmTask):
    """Count both scores of right, wrong, and unknown pixels.

    Frames named `ood/...` have OOD labels; in others, class labels with 254 for unknown pixels.
    """

    def measure(
        self, sample: Sample, tensors: Tensors, scores: dict[str, Scores], tally: Tally
    ) -> None:
        """Count one frame."""
        labels = self.counting.labels(sample, scores)
        if sample.name.startswith('ood/'):
            check_ood_labels(sample)
            masks = {'known': labels == 0, 'unknown': labels == 1}
        else:
            predicted = self.predicted(tensors, labels.shape)
            masks = right_and_wrong(labels, predicted, self.classes)
            masks['unknown'] = labels == OUTLIER
            tally.part('confusion', partial(Confusion, self.classes)).add(labels, predicted)
        groups = PixelGroups(masks)
        note_pixels(groups, tally)
        for name, keys in self.counting.keys(sample, scores, ('idm', 'ood')):
            frame = frame_histogram(keys['idm'], groups, _GROUPS)
            note_frame(tally, sample.name, name, frame, ('wrong', 'right'))
            if keys['ood'] is keys['idm']:
                tally.add(f'{name}/{ONE}', frame)
            else:
                tally.add(f'{name}/idm', frame)
                count(keys['ood'], groups, tally, f'{name}/ood', _GROUPS)


def concurrent_figures(tally: Tally, methods: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Return separation and both tasks of each method.

    `auroc`, `ap` and `fpr95` are those of separation; `reverse_separation` ranks errors above
    unknown pixels by the IDM score; `idm` and `ood` are the tasks by themselves, where `ood` has
    the known pixels of the OOD set as negatives (of all pixels, where one set has both labels).
    """
    figures: dict[str, dict[str, Any]] = {}
    for name in methods:
        idm, ood = (counted_scores(tally, name, kind, _GROUPS) for kind in ('idm', 'ood'))
        separation = rank_figures(ood.descending('unknown', 'wrong'))
        negatives = ('known',) if ood.total('known') else ('right', 'wrong')
        figures[name] = {
            **separation,
            'separation': separation['auroc'],
            'reverse_separation': auroc(idm.descending('wrong', 'unknown')).value,
            'idm': rank_figures(idm.descending('wrong', 'right')),
            'ood': rank_figures(ood.descending('unknown', *negatives)),
        }
    return figures
