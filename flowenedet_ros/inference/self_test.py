"""Compare a loaded model with the golden outputs that its bundle carries."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.inference.errors import BundleError
from flowenedet_ros.inference.perception import Perception

LEAST_AGREEMENT = 0.995
"""Share of pixels whose class must be that of eager PyTorch."""
LEAST_CORRELATION = 0.99
"""Pearson correlation that each score must have with eager PyTorch."""
SELF_TEST = 'self_test.npz'
# Scores that vary less than this have no meaningful correlation: they are compared directly.
_FLAT = 1e-4
_ARRAYS = {'images': 4, 'labels': 3, 'idm_score': 3, 'ood_score': 3}


@dataclass(frozen=True)
class SelfTestReport:
    """How far a backend is from the golden outputs; all figures are 0 where it could not run."""

    problem: str | None
    """What is wrong, or None when the test passed."""
    images: int = 0
    label_agreement: float = 0.0
    idm_correlation: float = 0.0
    ood_correlation: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether the model may be used."""
        return self.problem is None

    def __str__(self) -> str:
        figures = (
            f'labels agree on {100 * self.label_agreement:.2f} %, score correlation '
            f'IDM {self.idm_correlation:.4f}, OOD {self.ood_correlation:.4f} '
            f'on {self.images} golden images'
        )
        return f'passed: {figures}' if self.passed else f'failed: {self.problem} ({figures})'


@dataclass(frozen=True)
class Golden:
    """`self_test.npz`: images and what eager PyTorch made of them in float32."""

    images: NDArray[np.uint8]
    """(K, H, W, 3) in BGR."""
    labels: NDArray[np.uint8]
    idm_score: NDArray[np.float32]
    ood_score: NDArray[np.float32]


def read_golden(folder: Path) -> Golden:
    """Read a bundle's `self_test.npz`.

    :raises BundleError: when it is no such file or its arrays do not fit together.
    """
    path = folder / SELF_TEST
    try:
        with np.load(path, allow_pickle=False) as content:
            arrays = {name: content[name] for name in _ARRAYS}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise BundleError(f'{path} cannot be read: {error}; export the model again') from error
    counts = {len(array) for array in arrays.values() if array.ndim}
    ranks = {name: array.ndim for name, array in arrays.items()}
    if ranks != _ARRAYS or len(counts) != 1 or 0 in counts:
        shapes = {name: array.shape for name, array in arrays.items()}
        raise BundleError(f'{path} holds {shapes}: K images and their outputs were expected')
    return Golden(**arrays)


def compare(golden: Golden, perceptions: list[Perception]) -> SelfTestReport:
    """Compare what a backend made of the golden images with what it should have made."""
    labels = np.stack([item.labels for item in perceptions])
    idm = np.stack([item.idm_score for item in perceptions])
    ood = np.stack([item.ood_score for item in perceptions])
    found = (labels.shape, idm.shape, ood.shape)
    wanted = (golden.labels.shape, golden.idm_score.shape, golden.ood_score.shape)
    if found != wanted:
        return SelfTestReport(f'output shapes are {found}, {wanted} were expected')
    agreement = float(np.mean(labels == golden.labels))
    correlations = _correlation(idm, golden.idm_score), _correlation(ood, golden.ood_score)
    problems = []
    if agreement < LEAST_AGREEMENT:
        problems.append(f'less than {100 * LEAST_AGREEMENT} % of the labels agree')
    # Written so that NaN fails.
    if not min(correlations) >= LEAST_CORRELATION:
        problems.append(f'a score correlates less than {LEAST_CORRELATION}')
    problem = ' and '.join(problems) or None
    return SelfTestReport(problem, len(perceptions), agreement, *correlations)


def _correlation(found: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    a, b = found.ravel().astype(np.float64), wanted.ravel().astype(np.float64)
    a, b = a - a.mean(), b - b.mean()
    if b.std() < _FLAT:
        return 1.0 if float(np.abs(found - wanted).max()) < _FLAT else 0.0
    spread = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / spread if spread > 0 else 0.0
