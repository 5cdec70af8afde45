"""Notice when scores are distributed otherwise than on the calibration images."""

import math
import threading
import zipfile
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.inference.errors import BundleError
from flowenedet_ros.inference.manifest import Manifest

BINS = 20
DRIFT = 'drift.npz'
"""File of a bundle that holds the reference."""
_LIMIT = 9.0
_FLOOR = 1e-4
# A histogram of so many pixels is as good as one of all, and costs the same for every network.
_ENOUGH_PIXELS = 32_768


def histogram(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the share of scores in equal steps of their log-odds from -9 to 9, (BINS,)."""
    with np.errstate(divide='ignore'):
        odds = np.log(scores / (1 - scores)).ravel()
    place = (np.clip(odds, -_LIMIT, _LIMIT) + _LIMIT) * np.float32(BINS / (2 * _LIMIT))
    counts = np.bincount(np.minimum(place.astype(np.uint8), BINS - 1), minlength=BINS)
    shares: NDArray[np.float64] = counts / max(1, counts.sum())
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


def read_drift(folder: Path, manifest: Manifest) -> DriftReference | None:
    """Read what `DriftReference.save` wrote; None for a bundle without it.

    :raises BundleError: when the file is not what it has to be.
    """
    if DRIFT not in manifest.files:
        return None
    path = folder / DRIFT
    try:
        with np.load(path, allow_pickle=False) as content:
            reference = DriftReference(
                content['idm'],
                content['ood'],
                float(content['idm_limit']),
                float(content['ood_limit']),
                int(content['window']),
                int(content['images']),
            )
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise BundleError(f'{path} cannot be read, {error}: calibrate the model again') from error
    for name in ('idm', 'ood'):
        shares, limit = getattr(reference, name), getattr(reference, f'{name}_limit')
        good = shares.shape == (BINS,) and np.isfinite(shares).all() and (shares >= 0).all()
        if not good or not 0 < limit < math.inf:
            raise BundleError(
                f'{path}: `{name}` needs {BINS} shares and a positive limit: '
                'calibrate the model again'
            )
    if reference.window < 1:
        raise BundleError(f'{path}: `window` is {reference.window}: calibrate the model again')
    return reference


@dataclass(frozen=True)
class Drift:
    """Population stability index of each score, and how many frames it comes from."""

    idm: float
    ood: float
    frames: int


class DriftMonitor:
    """
    Compare the scores of the last frames with a reference; one thread adds, another reads.

    Frames of a camera follow each other closely where calibration images do not, so the window
    takes frames that are spread over some seconds.

    :param seconds: that the reference's window of frames is spread over, at the least.
    """

    def __init__(self, reference: DriftReference, seconds: float) -> None:
        self.reference = reference
        self._pause = seconds / reference.window
        self._next = -math.inf
        self._lock = threading.Lock()
        self._frames: deque[NDArray[np.float64]] = deque(maxlen=reference.window)

    def due(self, now: float) -> bool:
        """Tell whether the window takes a frame at this time in seconds, by a steady clock."""
        return now >= self._next

    def add(self, idm: NDArray[np.float32], ood: NDArray[np.float32], now: float) -> None:
        """Take the scores of a frame, (h, w) or (n,), in [0, 1]."""
        self._next = now + self._pause
        found = np.stack([histogram(_thinned(idm)), histogram(_thinned(ood))])
        with self._lock:
            self._frames.append(found)

    def drift(self) -> Drift:
        """Compare; the indices are NaN until the window is full."""
        with self._lock:
            frames = list(self._frames)
        if len(frames) < self.reference.window:
            return Drift(math.nan, math.nan, len(frames))
        idm, ood = np.mean(frames, axis=0)
        return Drift(
            stability_index(idm, self.reference.idm),
            stability_index(ood, self.reference.ood),
            len(frames),
        )


def _thinned(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    if scores.ndim == 1:
        return scores[:: max(1, scores.size // _ENOUGH_PIXELS)]
    step = max(1, math.isqrt(scores.size // _ENOUGH_PIXELS))
    return scores[::step, ::step]
