"""Thresholds for a rate of false alarms, with what may be promised of the next image.

Conformal risk control (Angelopoulos et al., arXiv 2208.02814): a loss of an image that falls with
the threshold and lies in [0, 1], here the share of its sound pixels that are flagged. Where n
calibration images and the next one are exchangeable and the threshold is the least whose mean loss
over the n is at most r, the expected loss of the next is at most (n r + 1) / (n + 1).
What must be exchangeable are images (or sequences), not pixels: neighbours are anything but.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.calibration.errors import CalibrationError
from flowenedet_ros.calibration.false_alarms import FalseAlarmCurves, edges

OPERATING_POINTS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {'cautious': (0.10, 0.03), 'balanced': (0.05, 0.01), 'permissive': (0.01, 0.001)}
)
"""Rates of false alarms by name: (IDM, OOD)."""


@dataclass(frozen=True)
class Threshold:
    """A threshold on a score and what it does.

    :param value: score at and above which a pixel is flagged.
    :param target: rate of false alarms asked for.
    :param rate: mean rate over the calibration units, at most `target`.
    :param bound: expected rate of the next exchangeable unit, at most.
    """

    value: float
    target: float
    rate: float
    bound: float


def threshold_at(curves: FalseAlarmCurves, target: float) -> Threshold:
    """Return the least threshold whose mean rate of false alarms is at most `target`.

    :raises CalibrationError: when there is no sound pixel or the target is no rate.
    """
    rates, least = _rates(curves, target)
    mean = rates.mean(axis=0)
    place = int(np.argmax(mean <= target))
    return Threshold(least[place], target, float(mean[place]), risk_bound(len(rates), target))


def controlled_threshold(curves: FalseAlarmCurves, level: float) -> Threshold:
    """Return the least threshold for which the expected rate of the next unit is below `level`.

    :raises CalibrationError: when there are too few units for so low a level.
    """
    _rates(curves, level)
    units = curves.units
    target = ((units + 1) * level - 1) / units
    if target < 0:
        raise CalibrationError(
            f'{units} images or sequences cannot bound a rate of {level:g}: '
            f'at least {int(np.ceil(1 / level)) - 1} are needed'
        )
    return threshold_at(curves, target)


def quantile_threshold(curves: FalseAlarmCurves, rate: float, miss: float) -> Threshold:
    """Return a threshold that keeps the next unit below `rate` with probability 1 - `miss`.

    Split conformal prediction: the ceil((n + 1)(1 - miss))-th smallest of the thresholds that the
    n units need one by one.

    :raises CalibrationError: when there are too few units for so small a miss.
    """
    rates, least = _rates(curves, rate)
    needed = np.sort(np.argmax(rates <= rate, axis=1))
    place = int(np.ceil((len(needed) + 1) * (1 - miss)))
    if place > len(needed):
        raise CalibrationError(
            f'{len(needed)} images or sequences cannot promise a miss of {miss:g}: '
            f'at least {int(np.ceil(1 / miss)) - 1} are needed'
        )
    column = int(needed[place - 1])
    return Threshold(least[column], rate, float(rates.mean(axis=0)[column]), rate)


def risk_bound(units: int, target: float) -> float:
    """Return the most that may be expected of the next unit, given a mean rate of `target`."""
    return (units * target + 1) / (units + 1)


def guarantee(unit: str, units: int, bounds: Mapping[str, tuple[float, float]]) -> str:
    """Put into words what the thresholds promise, and on which condition.

    :param unit: 'image' or 'sequence'.
    :param bounds: by operating point, the bounds of IDM and OOD.
    """
    listed = '; '.join(
        f'{name}: IDM {100 * idm:.2f} %, OOD {100 * ood:.2f} %'
        for name, (idm, ood) in bounds.items()
    )
    return (
        f'Conformal risk control over n = {units} {unit}s: on the next {unit} that is exchangeable '
        f'with them, the expected share of sound pixels that are flagged is at most: {listed}. '
        f'Exchangeable are {unit}s, not pixels; the bound is marginal, not for each {unit}, and '
        'void for other cameras, places or weather than those calibrated on.'
    )


def _rates(curves: FalseAlarmCurves, target: float) -> tuple[NDArray[np.float64], list[float]]:
    if not curves.units:
        raise CalibrationError('no image has a sound pixel: are the label ids those of the model?')
    if not 0 <= target < 1:
        raise CalibrationError(f'a rate of false alarms is from 0 to 1, {target} was given')
    # No score lies above 1: the last column stands for a threshold of 1.
    return curves.rates(), [*edges().tolist(), 1.0]
