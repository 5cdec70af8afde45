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
from flowenedet_ros.evaluation.rank_metrics import rank_values
from flowenedet_ros.evaluation.tally import Tally

Resolution = Literal['labels', 'stride']
Kind = Literal['idm', 'ood']
ONE = 'one'
"""In place of a kind where a method has one score for all of them."""


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
        """Give the histogram bins of the score maps of one method after the other at that size.

        One and the same array where two kinds are. The next method overwrites it: fresh memory for
        every map of two million pixels would cost as much time as enlarging it.
        """
        shape = self.shape(sample, scores)
        large = np.empty(shape, np.float32)
        memory = {kind: np.empty(shape, np.uint16) for kind in kinds}
        for name, pair in scores.items():
            maps: dict[Kind, NDArray[np.float32]] = {'idm': pair.idm, 'ood': pair.ood}
            found: dict[Kind, Keys] = {}
            for kind in kinds:
                if kind != kinds[0] and maps[kind] is maps[kinds[0]]:
                    found[kind] = found[kinds[0]]
                else:
                    found[kind] = score_keys(enlarge(maps[kind], shape, large), memory[kind])
            yield name, found


def count(
    keys: Keys, groups: PixelGroups, tally: Tally, part: str, names: tuple[str, ...]
) -> ScoreHistogram:
    """Count groups of one frame in a histogram of that name; return the frame's own.

    The tally may keep it and add the next frame to it.

    :param names: of all groups of the histogram, those that this frame has none of among them.
    """
    histogram = frame_histogram(keys, groups, names)
    tally.add(part, histogram)
    return histogram


def frame_histogram(keys: Keys, groups: PixelGroups, names: tuple[str, ...]) -> ScoreHistogram:
    """Count groups of one frame."""
    return ScoreHistogram(names, groups.counts(keys))


def score_histogram(tally: Tally, method: str, kind: str) -> ScoreHistogram | None:
    """Return the scores of a method for one kind, None where they were not counted.

    Where a method has one score for all kinds, one histogram serves them.
    """
    for name in (f'{method}/{kind}', f'{method}/{ONE}'):
        found = tally.parts.get(name)
        if isinstance(found, ScoreHistogram):
            return found
    return None


def counted_scores(tally: Tally, method: str, kind: str, groups: tuple[str, ...]) -> ScoreHistogram:
    """Return what `score_histogram` does, and empty groups where nothing was counted."""
    return score_histogram(tally, method, kind) or ScoreHistogram(groups)


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
        values = rank_values(histogram.descending(positive, negative))
        share = histogram.total(positive) / max(1, histogram.total(negative))
        tally.frames[name] = {**values, 'share': share}


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
