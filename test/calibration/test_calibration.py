"""Scores become probabilities, thresholds keep what they promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from flowenedet_ros.calibration.drift import drift_reference
from flowenedet_ros.calibration.ece import expected_calibration_error, prior_weights
from flowenedet_ros.calibration.errors import CalibrationError
from flowenedet_ros.calibration.false_alarms import FalseAlarmCurves
from flowenedet_ros.calibration.frames import sequence_of
from flowenedet_ros.calibration.platt import apply, fit_platt
from flowenedet_ros.calibration.thresholds import (
    controlled_threshold,
    quantile_threshold,
    threshold_at,
)
from flowenedet_ros.inference.drift import histogram, stability_index
from flowenedet_ros.inference.manifest import ScoreMap


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_platt_finds_the_map_that_made_the_labels():
    random = np.random.default_rng(0)
    raw = random.normal(2, 3, 200_000)
    bad = random.uniform(size=raw.size) < sigmoid(0.6 * raw - 2.5)
    found = fit_platt(raw[~bad], raw[bad])
    assert found.scale == pytest.approx(0.6, abs=0.02)
    assert found.offset == pytest.approx(-2.5, abs=0.05)
    scores = apply(found, raw)
    assert expected_calibration_error(scores, bad) < 0.005
    assert expected_calibration_error(apply(ScoreMap(1, 0), raw), bad) > 0.1


def test_platt_answers_for_the_prior_of_the_road_not_of_the_data():
    random = np.random.default_rng(1)
    sound, bad = random.normal(-1, 1, 50_000), random.normal(1, 1, 50_000)
    found = fit_platt(sound, bad, prior=0.01)
    # Two normals of equal width have log odds 2 x + log(prior odds).
    assert found.scale == pytest.approx(2, abs=0.05)
    assert found.offset == pytest.approx(np.log(0.01 / 0.99), abs=0.1)
    raw = np.concatenate([sound, bad])
    positive = np.arange(raw.size) >= sound.size
    weights = prior_weights(positive, 0.01)
    assert expected_calibration_error(apply(found, raw), positive, weights) < 0.002


@given(
    arrays.arrays(np.float64, st.integers(1, 30), elements=st.floats(-50, 50)),
    arrays.arrays(np.float64, st.integers(1, 30), elements=st.floats(-50, 50)),
    st.one_of(st.none(), st.floats(0.001, 0.999)),
)
@settings(max_examples=60)
def test_platt_keeps_every_ranking(sound, bad, prior):
    found = fit_platt(sound, bad, prior)
    assert found.scale > 0
    assert np.isfinite([found.scale, found.offset]).all()


def test_platt_says_what_is_missing():
    with pytest.raises(CalibrationError, match='no pixels that are wrong or unknown'):
        fit_platt(np.zeros(3), np.zeros(0))
    with pytest.raises(CalibrationError, match='not finite'):
        fit_platt(np.array([np.nan]), np.ones(2))
    with pytest.raises(CalibrationError, match='prior must be between'):
        fit_platt(np.zeros(3), np.ones(3), prior=1.0)


def curves_of(images):
    curves = FalseAlarmCurves()
    for i, scores in enumerate(images):
        curves.add(str(i), scores.astype(np.float32))
    return curves


@given(st.integers(0, 1000), st.floats(0.001, 0.5))
@settings(max_examples=40)
def test_threshold_is_the_least_that_keeps_the_rate(seed, target):
    random = np.random.default_rng(seed)
    images = [
        sigmoid(random.normal(random.normal(-2), 2, 500)).astype(np.float32) for _ in range(6)
    ]
    found = threshold_at(curves_of(images), target)
    rate = np.mean([(scores >= np.float32(found.value)).mean() for scores in images])
    assert rate <= target + 1e-3
    assert rate == pytest.approx(found.rate, abs=2e-3)
    lower = sigmoid(np.log(found.value / (1 - found.value)) - 0.02)
    assert np.mean([(scores >= lower).mean() for scores in images]) >= target - 5e-3


def draw(random):
    """One image of a world in which images differ far more than pixels."""
    return sigmoid(random.normal(random.normal(-3, 1.5), 1, 300)).astype(np.float32)


def test_expected_rate_of_the_next_image_is_bounded():
    random = np.random.default_rng(2)
    losses, promised = [], 0.0
    for _ in range(300):
        threshold = controlled_threshold(curves_of([draw(random) for _ in range(40)]), 0.1)
        promised = threshold.bound
        losses.append(np.mean([(draw(random) >= threshold.value).mean() for _ in range(4)]))
    assert promised == pytest.approx(0.1)
    assert np.mean(losses) <= 0.1
    assert np.mean(losses) > 0.05


def test_quantile_threshold_covers_images_not_pixels():
    random = np.random.default_rng(3)
    kept = []
    for _ in range(300):
        threshold = quantile_threshold(curves_of([draw(random) for _ in range(40)]), 0.05, 0.2)
        kept.append((draw(random) >= threshold.value).mean() <= 0.05)
    assert 0.75 < np.mean(kept) < 0.92


def test_too_few_images_for_a_promise():
    curves = curves_of([np.linspace(0.1, 0.9, 50)] * 10)
    with pytest.raises(CalibrationError, match='at least 999 are needed'):
        controlled_threshold(curves, 0.001)
    with pytest.raises(CalibrationError, match='at least 19 are needed'):
        quantile_threshold(curves, 0.05, 0.05)
    assert threshold_at(curves, 0.001).bound > 0.09
    with pytest.raises(CalibrationError, match='no image has a sound pixel'):
        threshold_at(FalseAlarmCurves(), 0.01)


def test_drift_is_seen_when_scores_move_and_not_before():
    random = np.random.default_rng(4)
    images = [histogram(sigmoid(random.normal(-3, 1, 2000)).astype(np.float32)) for _ in range(60)]
    reference = drift_reference(images, images)
    same = np.mean(images[:25], axis=0)
    moved = histogram(sigmoid(random.normal(-1, 1, 50_000)).astype(np.float32))
    assert stability_index(same, reference.idm) < reference.idm_limit
    assert stability_index(moved, reference.idm) > 2 * reference.idm_limit
    assert stability_index(reference.ood, reference.ood) == 0


@pytest.mark.parametrize(
    ('name', 'sequence'),
    [
        ('0016E5_08001', '0016E5'),
        ('Seq05VD_f00030', 'Seq05VD'),
        ('aachen_000000_000019', 'aachen_000000'),
        ('12', '12'),
    ],
)
def test_sequence_of_a_name(name, sequence):
    assert sequence_of(name) == sequence
