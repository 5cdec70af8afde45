"""What scores look like on calibration images, for a monitor that notices when they change."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BINS = 20
WINDOW = 25
"""Frames that the monitor averages over before it compares."""
DRIFT = 'drift.npz'
"""File of a bundle that holds the reference."""
_LIMIT = 9.0
_FLOOR = 1e-4
_MARGIN = 1.5
_LEAST_LIMIT = 0.25
"""Population stability indices above 0.25 are called a shift by those who use them."""


def histogram(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the share of scores in equal steps of their log-odds from -9 to 9, (BINS,)."""
    with np.errstate(divide='ignore'):
        odds = np.log(scores.astype(np.float64)) - np.log1p(-scores.astype(np.float64))
    place = (np.clip(odds, -_LIMIT, _LIMIT) + _LIMIT) / (2 * _LIMIT) * BINS
    counts = np.bincount(np.minimum(place.astype(int), BINS - 1).ravel(), minlength=BINS)
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares


def stability_index(found: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    """Return the population stability index of two histograms, 0 where they are equal."""
    a, b = (np.maximum(h, _FLOOR) / np.maximum(h, _FLOOR).sum() for h in (found, reference))
    return float(((a - b) * np.log(a / b)).sum())


@dataclass(frozen=True)
class DriftReference:
    """Mean histogram of each score and the index above which frames are of another kind.

    :param idm: (BINS,) shares; so is `ood`.
    :param idm_limit: greatest index of any `window` consecutive calibration images, with margin.
    """

    idm: NDArray[np.float64]
    ood: NDArray[np.float64]
    idm_limit: float
    ood_limit: float
    window: int
    images: int

    def save(self, folder: Path) -> None:
        """Write `drift.npz` into a bundle's folder."""
        np.savez_compressed(folder / DRIFT, **vars(self))


def drift_reference(
    idm: Sequence[NDArray[np.float64]], ood: Sequence[NDArray[np.float64]]
) -> DriftReference:
    """Build the reference from the histograms of calibration images in the order of driving."""
    window = max(1, min(WINDOW, len(idm) // 2))
    means, limits = [], []
    for histograms in (np.stack(idm), np.stack(ood)):
        mean = histograms.mean(axis=0)
        total = np.cumsum(np.concatenate([np.zeros((1, BINS)), histograms]), axis=0)
        windows = (total[window:] - total[:-window]) / window
        worst = max(stability_index(part, mean) for part in windows)
        means.append(mean)
        limits.append(max(_MARGIN * worst, _LEAST_LIMIT))
    return DriftReference(means[0], means[1], limits[0], limits[1], window, len(idm))
