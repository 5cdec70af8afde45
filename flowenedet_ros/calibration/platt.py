"""Log-odds to probabilities: a logistic scale and offset for each score."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.calibration.errors import CalibrationError
from flowenedet_ros.inference.manifest import ScoreMap

Scores = NDArray[np.floating]

# Of standardised log-odds. A score that ranks by chance would get none, and lose its ranking.
_LEAST_SCALE = 0.1
_STEPS = 100


class _Weighted(NamedTuple):
    """Standardised log-odds with targets and weights that sum to one."""

    x: NDArray[np.float64]
    target: NDArray[np.float64]
    weight: NDArray[np.float64]


def fit_platt(negative: Scores, positive: Scores, prior: float | None = None) -> ScoreMap:
    """Fit score = sigmoid(scale * log odds + offset) by weighted likelihood.

    Targets are smoothed as in Platt (1999), so that separable data give finite scales. The scale is
    kept positive: calibration never changes a ranking.

    :param negative: raw log-odds of pixels that are in order, any shape; `positive` of the others.
    :param prior: share of positive pixels where the model will run; None takes that of the data.
        Outliers are far more frequent in evaluation data than on a road, and a score that is to be
        read as a probability has to know.
    :raises CalibrationError: when one of the two is empty or not finite.
    """
    data, centre, spread = _prepare(negative, positive, prior)
    scale, offset = _maximise(data)
    if scale < _LEAST_SCALE:
        scale = _LEAST_SCALE
        offset = _offset_alone(data, scale)
    return ScoreMap(scale / spread, offset - scale * centre / spread)


def _prepare(
    negative: Scores, positive: Scores, prior: float | None
) -> tuple[_Weighted, float, float]:
    sides = [np.asarray(side, np.float64).ravel() for side in (negative, positive)]
    counts = [len(side) for side in sides]
    if 0 in counts:
        kind = 'in order' if counts[0] == 0 else 'wrong or unknown'
        raise CalibrationError(f'there are no pixels that are {kind}: give more labelled images')
    x = np.concatenate(sides)
    if not np.isfinite(x).all():
        raise CalibrationError(
            'some log-odds are not finite: calibrate on images the model can run'
        )
    share = counts[1] / sum(counts) if prior is None else prior
    if not 0 < share < 1:
        raise CalibrationError(f'the prior must be between 0 and 1, it is {share}')
    sure = (counts[1] + 1) / (counts[1] + 2)
    target = np.repeat([1 / (counts[0] + 2), sure], counts)
    weight = np.repeat([(1 - share) / counts[0], share / counts[1]], counts)
    centre = float(weight @ x)
    spread = float(np.sqrt(weight @ (x - centre) ** 2)) or 1.0
    return _Weighted((x - centre) / spread, target, weight), centre, spread


def _loss(data: _Weighted, scale: float, offset: float) -> float:
    odds = scale * data.x + offset
    return float(data.weight @ (np.logaddexp(0, odds) - data.target * odds))


def _maximise(data: _Weighted) -> tuple[float, float]:
    """Newton's method with halved steps; the problem is convex."""
    parameters = np.array([1.0, 0.0])
    loss = _loss(data, *parameters)
    for _ in range(_STEPS):
        chance = _sigmoid(parameters[0] * data.x + parameters[1])
        gap = data.weight * (chance - data.target)
        gradient = np.array([gap @ data.x, gap.sum()])
        curve = data.weight * chance * (1 - chance)
        cross = curve @ data.x
        hessian = np.array([[curve @ data.x**2, cross], [cross, curve.sum()]])
        step = np.linalg.solve(hessian + 1e-9 * np.eye(2), gradient)
        size = 1.0
        while size > 1e-6 and _loss(data, *(parameters - size * step)) > loss:
            size /= 2
        parameters = parameters - size * step
        previous, loss = loss, _loss(data, *parameters)
        if previous - loss < 1e-12:
            break
    return float(parameters[0]), float(parameters[1])


def _offset_alone(data: _Weighted, scale: float) -> float:
    """Find the offset at which the mean probability is that of the targets, by bisection."""
    wanted = float(data.weight @ data.target)
    low, high = -100.0, 100.0
    for _ in range(80):
        middle = (low + high) / 2
        if float(data.weight @ _sigmoid(scale * data.x + middle)) < wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _sigmoid(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    chance: NDArray[np.float64] = np.exp(-np.logaddexp(0, -odds))
    return chance


def apply(score_map: ScoreMap, raw: Scores) -> NDArray[np.float32]:
    """Turn log-odds into scores as the graph does, in float32."""
    odds = np.float32(score_map.scale) * np.asarray(raw, np.float32) + np.float32(score_map.offset)
    with np.errstate(over='ignore'):
        scores: NDArray[np.float32] = (1 / (1 + np.exp(-odds))).astype(np.float32)
    return scores
