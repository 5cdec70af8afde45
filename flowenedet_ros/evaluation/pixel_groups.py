"""The pixels of one frame by group, laid out so that counting many score maps costs little."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.evaluation.histogram import Counts, Keys, key_counts

_IGNORED = ''


class PixelGroups:
    """Which pixels are in which group; no pixel is in two.

    The most numerous group is not looked at: it is what the others leave of all pixels.

    :param masks: (H, W) by name.
    """

    def __init__(self, masks: Mapping[str, NDArray[np.bool_]]) -> None:
        self.masks = masks
        self.sizes = {name: int(np.count_nonzero(mask)) for name, mask in masks.items()}
        """Pixels of each group."""
        parts = dict(masks)
        sizes = dict(self.sizes)
        ignored = next(iter(masks.values())).size - sum(sizes.values())
        if ignored:
            parts[_IGNORED] = ~np.logical_or.reduce(list(masks.values()))
            sizes[_IGNORED] = ignored
        self._largest = max(sizes, key=lambda name: sizes[name])
        self._places = {
            name: np.flatnonzero(mask) for name, mask in parts.items() if name != self._largest
        }

    def counts(self, keys: Keys) -> dict[str, Counts]:
        """Count the keys of each group, (65536,) each.

        :param keys: (H, W), from `score_keys`.
        """
        flat = keys.ravel()
        found = {name: key_counts(flat[places]) for name, places in self._places.items()}
        if self._largest != _IGNORED:
            rest = key_counts(flat)
            for counts in found.values():
                rest -= counts
            found[self._largest] = rest
        return {name: found[name] for name in self.masks}
