"""IoU, open-mIoU, calibration and risk-coverage on cases with known answers."""

import pickle

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, jaccard_score

from flowenedet_ros.evaluation.confusion import Confusion
from flowenedet_ros.evaluation.histogram import ScoreHistogram, key_counts, score_keys
from flowenedet_ros.evaluation.open_miou import OpenGroups, OpenHistogram
from flowenedet_ros.evaluation.reliability import reliability, risk_coverage


def ranking_of(scores, positive):
    sides = {'negative': scores[~positive], 'positive': scores[positive]}
    counts = {name: key_counts(score_keys(side)) for name, side in sides.items()}
    return ScoreHistogram(tuple(sides), counts).descending('positive', 'negative')


def random_maps(seed=0, classes=5, void=0.1):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, (40, 50)).astype(np.uint8)
    noise = generator.integers(0, classes, (40, 50)).astype(np.uint8)
    predicted = np.where(generator.random((40, 50)) < 0.7, labels, noise)
    labels[generator.random((40, 50)) < void] = 255
    return labels, predicted


def test_iou_is_that_of_scikit_learn():
    labels, predicted = random_maps()
    confusion = Confusion(5)
    confusion.add(labels[:20], predicted[:20])
    rest = Confusion(5)
    rest.add(labels[20:], predicted[20:])
    confusion.merge(rest)
    valid = labels < 5
    assert (confusion.counts == confusion_matrix(labels[valid], predicted[valid])).all()
    assert confusion.iou() == pytest.approx(
        jaccard_score(labels[valid], predicted[valid], average=None)
    )


def test_class_that_never_occurs_is_not_averaged():
    confusion = Confusion(3)
    confusion.add(np.array([0, 0, 1], np.uint8), np.array([0, 0, 0], np.uint8))
    assert np.isnan(confusion.iou()[2])
    assert confusion.mean_iou() == pytest.approx((2 / 3 + 0) / 2)


def test_unlabelled_prediction_is_a_miss():
    confusion = Confusion(2)
    confusion.add(np.array([0, 0, 1], np.uint8), np.array([0, 255, 1], np.uint8))
    assert confusion.iou().tolist() == [0.5, 1.0]
    assert confusion.accuracy() == pytest.approx(2 / 3)
    assert confusion.error_rates().tolist() == [0.5, 0.0]


def test_perfect_detector_has_open_miou_one_whatever_the_segmenter():
    labels, predicted = random_maps()
    wrong = labels != predicted
    keys = score_keys(wrong.astype(np.float32))
    histogram = OpenHistogram(OpenGroups(predicted, wrong, 5).counts(keys))
    assert histogram.mean_iou(0.5) == 1.0


def test_open_miou_is_the_plain_computation_at_a_threshold():
    labels, predicted = random_maps(3)
    wrong = labels != predicted
    # Multiples of 1/64 lie on the edges of the bins.
    scores = np.random.default_rng(5).integers(0, 64, labels.shape) / np.float32(64) + 0.5 * wrong
    scores = scores.astype(np.float32)
    halves = []
    for part in (slice(0, 15), slice(15, None)):
        counts = OpenGroups(predicted[part], wrong[part], 5).counts(score_keys(scores[part]))
        half = OpenHistogram(counts)
        halves.append(pickle.loads(pickle.dumps(half)))
    halves[0].merge(halves[1])
    truth, answer = np.where(wrong, 5, predicted), np.where(scores >= 0.75, 5, predicted)
    expected = jaccard_score(truth.ravel(), answer.ravel(), average=None)
    assert halves[0].iou(0.75) == pytest.approx(expected)


@pytest.mark.parametrize(('wide', 'classes'), [(0, 5), (3, 5), (255, 5), (0, 2), (199, 200)])
def test_open_groups_count_every_pixel_of_the_classes(wide, classes):
    labels, predicted = random_maps(4, classes)
    predicted = np.where(np.random.default_rng(6).random(labels.shape) < 0.8, wide, predicted)
    predicted = predicted.astype(np.uint8)
    scores = np.random.default_rng(7).normal(size=labels.shape).astype(np.float32)
    counts = OpenGroups(predicted, labels != predicted, classes).counts(score_keys(scores))
    found = counts.sum(axis=1).reshape(classes, 2).tolist()
    every = [predicted == index for index in range(classes)]
    wrong = [int((here & (labels != predicted)).sum()) for here in every]
    assert found == [[here.sum() - bad, bad] for here, bad in zip(every, wrong, strict=True)]


def test_threshold_above_all_scores_sets_nothing_aside():
    labels, predicted = random_maps(1)
    keys = np.full(labels.shape, 9, np.uint16)
    histogram = OpenHistogram(OpenGroups(predicted, labels != predicted, 5).counts(keys))
    assert histogram.iou(1.0)[-1] == 0


def test_score_that_is_its_own_error_rate_is_calibrated():
    generator = np.random.default_rng(2)
    scores = generator.random(200_000).astype(np.float32)
    result = reliability(ranking_of(scores, generator.random(200_000) < scores))
    assert result.ece < 0.01
    assert result.pixels.sum() == 200_000


def test_calibration_error_by_hand():
    scores = np.repeat(np.array([0.1, 0.9], np.float32), 100)
    positive = np.arange(200) % 2 == 0
    result = reliability(ranking_of(scores, positive))
    assert result.ece == pytest.approx(0.4, abs=1e-3)
    assert result.mce == pytest.approx(0.4, abs=1e-3)


def test_energies_are_no_rates():
    scores = np.array([-3.0, 0.5], np.float32)
    assert reliability(ranking_of(scores, scores > 0)) is None


def test_risk_falls_with_coverage_by_hand():
    scores = np.array([1, 2, 3, 4], np.float32)
    result = risk_coverage(ranking_of(scores, np.array([False, False, True, True])))
    assert result.coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert result.risk == pytest.approx([0, 0, 1 / 3, 1 / 2])
    assert result.aurc == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)
