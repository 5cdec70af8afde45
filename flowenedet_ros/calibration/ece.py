"""How far scores are from the rates that they announce."""

import numpy as np
from numpy.typing import NDArray

BINS = 15


def expected_calibration_error(
    scores: NDArray[np.float32],
    positive: NDArray[np.bool_],
    weight: NDArray[np.floating] | None = None,
) -> float:
    """Return the mean gap between announced and observed rates (Naeini et al., 2015).

    Bins hold equal shares of the pixels, because almost all scores of a road are near zero.

    :param weight: of each pixel, to answer for another prior; None: all equal.
    """
    order = np.argsort(scores, axis=None, kind='stable')
    ranked = scores.ravel()[order].astype(np.float64)
    hits = positive.ravel()[order].astype(np.float64)
    share = np.ones_like(ranked) if weight is None else weight.ravel()[order].astype(np.float64)
    total = np.cumsum(share)
    place = np.minimum((total / total[-1] * BINS).astype(int), BINS - 1)
    count = np.bincount(place, share, BINS)
    gap = np.bincount(place, share * (ranked - hits), BINS)
    return float(np.abs(gap).sum() / count.sum())


def prior_weights(positive: NDArray[np.bool_], prior: float) -> NDArray[np.float64]:
    """Return weights under which `prior` of the pixels are positive."""
    share = float(positive.mean())
    return np.where(positive, prior / max(share, 1e-12), (1 - prior) / max(1 - share, 1e-12))
