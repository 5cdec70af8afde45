"""The pixels of one frame by group, laid out so that counting many score maps costs little."""

from collections.abc import Mapping
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.evaluation.histogram import NO_NUMBER, Counts, Keys, key_counts


class PixelGroups:
    """Which pixels are in which group; no pixel is in two.

    The most numerous group is not looked at: it is what the others leave of all pixels. Those in no
    group are given keys that no score has.

    :param masks: (H, W) by name.
    """

    def __init__(self, masks: Mapping[str, NDArray[np.bool_]]) -> None:
        self.masks = masks
        self.sizes = {name: int(np.count_nonzero(mask)) for name, mask in masks.items()}
        """Pixels of each group."""
        ignored = next(iter(masks.values())).size - sum(self.sizes.values())
        largest = max(self.sizes, key=lambda name: self.sizes[name])
        self._largest = largest if self.sizes[largest] > ignored else None
        self._places = {
            name: np.flatnonzero(mask) for name, mask in masks.items() if name != self._largest
        }
        self._blot: Keys | None = None
        if ignored and self._largest is not None:
            outside = ~reduce(np.logical_or, masks.values())
            self._blot = (outside * NO_NUMBER).ravel()
            self._blotted = np.empty_like(self._blot)

    def counts(self, keys: Keys) -> dict[str, Counts]:
        """Count the keys of each group, (65536,) each.

        :param keys: (H, W), from `score_keys`.
        """
        flat = keys.ravel()
        found = {name: key_counts(np.take(flat, places)) for name, places in self._places.items()}
        if self._largest is not None:
            if self._blot is not None:
                flat = np.bitwise_or(flat, self._blot, out=self._blotted)
            rest = key_counts(flat)
            rest[NO_NUMBER:] = 0
            for counts in found.values():
                rest -= counts
            found[self._largest] = rest
        return {name: found[name] for name in self.masks}
