"""From frames to a calibration: score maps, thresholds, guarantee, drift reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.calibration.drift import drift_reference
from flowenedet_ros.calibration.ece import expected_calibration_error, prior_weights
from flowenedet_ros.calibration.errors import CalibrationError
from flowenedet_ros.calibration.false_alarms import FalseAlarmCurves
from flowenedet_ros.calibration.frames import Frame, RawModel, sequence_of
from flowenedet_ros.calibration.platt import apply, fit_platt
from flowenedet_ros.calibration.thresholds import (
    OPERATING_POINTS,
    Threshold,
    guarantee,
    threshold_at,
)
from flowenedet_ros.inference.drift import DriftReference, histogram
from flowenedet_ros.inference.manifest import CalibrationInfo, OperatingPoint, ScoreMap

Unit = Literal['image', 'sequence']
Raw = NDArray[np.float32]

OOD_PRIOR = 0.01
"""Share of outlier pixels that scores announce probabilities for: one in a hundred."""
_BALANCED_OOD = OPERATING_POINTS['balanced'][1]


@dataclass(frozen=True)
class Pixels:
    """Log-odds of one score on pixels that are in order and on those that are not."""

    sound: Raw
    bad: Raw


@dataclass(frozen=True)
class Fitted:
    """A calibration and how good it is.

    :param ece: by score, the expected calibration error before and after; no 'ood' without
        outliers.
    """

    info: CalibrationInfo
    drift: DriftReference
    ece: Mapping[str, tuple[float, float]]


def fit(
    model: RawModel,
    frames: Sequence[Frame],
    outliers: Sequence[Frame],
    *,
    unit: Unit = 'image',
    ood_prior: float = OOD_PRIOR,
    data: str = '',
) -> Fitted:
    """Fit everything on labelled road images and, where there are any, images with outliers.

    :param outliers: only their outlier pixels count, so that another camera's roads do not.
    :param unit: what is taken to be exchangeable.
    :param data: description of the images.
    :raises CalibrationError: when there are too few pixels of a kind.
    """
    if not frames:
        raise CalibrationError('there are no images to calibrate on')
    idm, ood = idm_pixels(frames), ood_pixels(frames, outliers)
    idm_map = fit_platt(idm.sound, idm.bad)
    ood_map = fit_platt(ood.sound, ood.bad, ood_prior) if len(ood.bad) else _without_outliers(ood)
    curves = _curves(model, frames, idm_map, ood_map, unit)
    points = {
        name: (threshold_at(curves[0], rates[0]), threshold_at(curves[1], rates[1]))
        for name, rates in OPERATING_POINTS.items()
    }
    bounds = {name: (pair[0].bound, pair[1].bound) for name, pair in points.items()}
    promise = guarantee(unit, min(curve.units for curve in curves), bounds)
    if not len(ood.bad):
        promise += ' The OOD score is no probability: no outliers were given.'
    info = CalibrationInfo(
        idm=idm_map,
        ood=ood_map,
        operating_points={name: _point(*pair) for name, pair in points.items()},
        guarantee=promise,
        images=len(frames),
        data=data or 'unnamed',
    )
    ece = {'idm': _errors(model.manifest.calibration.idm, idm_map, idm, None)}
    if len(ood.bad):
        ece['ood'] = _errors(model.manifest.calibration.ood, ood_map, ood, ood_prior)
    drift = drift_reference(
        [histogram(apply(idm_map, frame.idm_raw)) for frame in frames],
        [histogram(apply(ood_map, frame.ood_raw)) for frame in frames],
    )
    return Fitted(info, drift, ece)


def idm_pixels(frames: Sequence[Frame]) -> Pixels:
    """Give the log-odds of rightly and of wrongly classified pixels at the logit stride."""
    sound, bad = [], []
    for frame in frames:
        known, correct = frame.small_mask('known'), frame.small_mask('correct')
        sound.append(frame.idm_raw[correct])
        bad.append(frame.idm_raw[known & ~correct])
    return Pixels(np.concatenate(sound), np.concatenate(bad))


def ood_pixels(frames: Sequence[Frame], outliers: Sequence[Frame]) -> Pixels:
    """Give the log-odds of pixels of a class and of outliers at the logit stride."""
    sound = [frame.ood_raw[frame.small_mask('known')] for frame in frames]
    bad = [frame.ood_raw[frame.small_mask('outlier')] for frame in (*frames, *outliers)]
    return Pixels(np.concatenate(sound), np.concatenate(bad))


def _without_outliers(pixels: Pixels) -> ScoreMap:
    """Put one half at the balanced point and one unit of log-odds at a standard deviation."""
    if not len(pixels.sound):
        raise CalibrationError('no pixel carries a class id of the model')
    scale = 1 / max(float(pixels.sound.std()), 1e-6)
    middle = float(np.quantile(pixels.sound, 1 - _BALANCED_OOD))
    return ScoreMap(scale, -scale * middle)


def _curves(
    model: RawModel, frames: Sequence[Frame], idm: ScoreMap, ood: ScoreMap, unit: Unit
) -> tuple[FalseAlarmCurves, FalseAlarmCurves]:
    """Count false alarms where masks have them: at the network's input size."""
    curves = FalseAlarmCurves(), FalseAlarmCurves()
    for frame in frames:
        name = frame.name if unit == 'image' else sequence_of(frame.name)
        idm_score = model.enlarge(apply(idm, frame.idm_raw))
        ood_score = model.enlarge(apply(ood, frame.ood_raw))
        curves[0].add(name, idm_score[frame.mask('correct')])
        curves[1].add(name, ood_score[frame.mask('known')])
    return curves


def _point(idm: Threshold, ood: Threshold) -> OperatingPoint:
    return OperatingPoint(idm.value, ood.value, round(idm.rate, 6), round(ood.rate, 6))


def _errors(
    before: ScoreMap, after: ScoreMap, pixels: Pixels, prior: float | None
) -> tuple[float, float]:
    raw = np.concatenate([pixels.sound, pixels.bad])
    positive = np.arange(len(raw)) >= len(pixels.sound)
    weight = None if prior is None else prior_weights(positive, prior)
    return (
        expected_calibration_error(apply(before, raw), positive, weight),
        expected_calibration_error(apply(after, raw), positive, weight),
    )
