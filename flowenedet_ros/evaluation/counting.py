"""From score maps and groups of pixels to histograms, at the labels' size or at the scores'."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.data.errors import DataError
from flowenedet_ros.data.folder import Sample
from flowenedet_ros.evaluation.frames import enlarge, nearest
from flowenedet_ros.evaluation.histogram import Keys, ScoreHistogram, score_keys
from flowenedet_ros.evaluation.methods import PRODUCT, Scores
from flowenedet_ros.evaluation.pixel_groups import PixelGroups
from flowenedet_ros.evaluation.rank_metrics import rank_figures
from flowenedet_ros.evaluation.tally import Tally

Resolution = Literal['labels', 'stride']
Kind = Literal['idm', 'ood']


@dataclass(frozen=True)
class Counting:
    """How pixels are compared.

    :param resolution: 'labels' enlarges the scores bilinearly to the labels' size; 'stride' takes
        the nearest label of each score, which is faster and another measurement.
    """

    resolution: Resolution = 'labels'

    def shape(self, sample: Sample, scores: Mapping[str, Scores]) -> tuple[int, ...]:
        """Return height and width at which one frame is compared."""
        if self.resolution == 'labels':
            return sample.labels.shape
        return next(iter(scores.values())).idm.shape

    def labels(self, sample: Sample, scores: Mapping[str, Scores]) -> NDArray[np.uint8]:
        """Return the labels at that size."""
        return nearest(sample.labels, self.shape(sample, scores))

    def keys(
        self, sample: Sample, scores: Mapping[str, Scores], kinds: tuple[Kind, ...]
    ) -> Iterator[tuple[str, dict[Kind, Keys]]]:
        """Give the histogram bins of the score maps of one method after the other at that size."""
        shape = self.shape(sample, scores)
        for name, pair in scores.items():
            maps: dict[Kind, NDArray[np.float32]] = {'idm': pair.idm, 'ood': pair.ood}
            first = score_keys(enlarge(maps[kinds[0]], shape))
            found = {kinds[0]: first}
            for kind in kinds[1:]:
                same = maps[kind] is maps[kinds[0]]
                found[kind] = first if same else score_keys(enlarge(maps[kind], shape))
            yield name, found


def count(
    keys: Keys, groups: PixelGroups, tally: Tally, part: str, names: tuple[str, ...]
) -> ScoreHistogram:
    """Count groups of one frame in a histogram of that name; return the frame's own.

    :param names: of all groups of the histogram, those that this frame has none of among them.
    """
    histogram = frame_histogram(keys, groups, names)
    tally.part(part, lambda: ScoreHistogram(names)).merge(histogram)
    return histogram


def frame_histogram(keys: Keys, groups: PixelGroups, names: tuple[str, ...]) -> ScoreHistogram:
    """Count groups of one frame."""
    histogram = ScoreHistogram(names)
    for group, counts in groups.counts(keys).items():
        histogram.add_counts(group, counts)
    return histogram


def note_pixels(groups: PixelGroups, tally: Tally) -> None:
    """Count the pixels of each group and of all."""
    for group, pixels in groups.sizes.items():
        tally.counts[group] += pixels
        tally.counts['pixels'] += pixels


def note_frame(
    tally: Tally, name: str, method: str, histogram: ScoreHistogram, groups: tuple[str, str]
) -> None:
    """Keep the product's figures of one frame, for the best and worst ones."""
    if method == PRODUCT:
        positive, negative = groups
        figures = rank_figures(histogram.descending(positive, negative))
        kept = {key: figures[key] for key in ('auroc', 'ap', 'fpr95')}
        share = histogram.total(positive) / max(1, histogram.total(negative))
        tally.frames[name] = {**kept, 'share': share}


def check_ood_labels(sample: Sample) -> None:
    """Refuse labels that are no OOD labels.

    :raises DataError: naming the ids that were found.
    """
    # 255, 0 and 1 become 0, 1 and 2.
    if (sample.labels + np.uint8(1)).max(initial=0) > 2:
        strange = sorted(set(np.unique(sample.labels).tolist()) - {0, 1, 255})
        raise DataError(
            f'{sample.name}: OOD labels are 0 (in-distribution), 1 (OOD) and 255 (ignored), '
            f'found {strange[:5]} as well; choose a --label-map, or is this a set for `idm`?'
        )
