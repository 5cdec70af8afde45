"""What scores look like on calibration images, for a monitor that notices when they change."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.inference.drift import BINS, DriftReference, stability_index

WINDOW = 25
"""Frames that the monitor averages over before it compares."""
_MARGIN = 1.5
_LEAST_LIMIT = 0.25
"""Population stability indices above 0.25 are called a shift by those who use them."""


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
