"""Component metrics on drawn masks whose sIoU, PPV and F1 are known."""

import numpy as np
import pytest

from flowenedet_ros.evaluation.components import (
    TRACK_LIMITS,
    ComponentTally,
    SizeLimits,
    component_scores,
)

ALL = SizeLimits(0, 0)


def canvas():
    return np.zeros((60, 100), np.uint8)


def box(x0, x1, y0=10, y1=20):
    mask = np.zeros((60, 100), bool)
    mask[y0:y1, x0:x1] = True
    return mask


def test_half_covered_object():
    labels = canvas()
    labels[box(0, 20)] = 1
    siou, ppv = component_scores(box(10, 20), labels, ALL)
    assert siou.tolist() == [0.5]
    assert ppv.tolist() == [1.0]


def test_one_prediction_over_two_objects_is_not_punished_for_the_other():
    labels = canvas()
    labels[box(0, 20) | box(30, 50)] = 1
    siou, ppv = component_scores(box(0, 50), labels, ALL)
    # 200 pixels shared, union 500 + 200 - 200 - 200 that lie on the other object.
    assert siou.tolist() == [200 / 300, 200 / 300]
    assert ppv.tolist() == [400 / 500]


def test_corners_connect():
    labels = canvas()
    labels[5, 5] = labels[6, 6] = 1
    siou, _ = component_scores(np.zeros((60, 100), bool), labels, ALL)
    assert siou.tolist() == [0.0]


def test_void_neither_helps_nor_harms():
    labels = canvas()
    labels[box(0, 20)] = 1
    labels[box(20, 100)] = 255
    siou, ppv = component_scores(box(0, 100), labels, ALL)
    assert siou.tolist() == [1.0]
    assert ppv.tolist() == [1.0]


def test_small_components_are_dropped_on_either_side():
    labels = canvas()
    labels[box(0, 3, 0, 3)] = 1
    labels[box(0, 20)] = 1
    predicted = box(0, 20) | box(60, 64, 40, 44) | box(0, 3, 0, 3)
    siou, ppv = component_scores(predicted, labels, SizeLimits(predicted=20, truth=10))
    assert siou.tolist() == [1.0]
    assert ppv.tolist() == [1.0]


def test_track_limits_are_the_published_ones():
    assert TRACK_LIMITS['anomaly'] == SizeLimits(predicted=500, truth=100)
    assert TRACK_LIMITS['obstacle'] == SizeLimits(predicted=50, truth=10)


def test_mean_f1_by_hand():
    labels = canvas()
    labels[box(0, 20) | box(40, 60)] = 1
    # One object found at sIoU .5 by a clean prediction, one missed, one prediction in the blue.
    predicted = box(10, 20) | box(80, 90)
    tally = ComponentTally()
    tally.add(predicted, labels, ALL)
    figures = tally.figures()
    assert figures['siou'] == pytest.approx(0.25)
    assert figures['ppv'] == pytest.approx(0.5)
    # Up to t = .5 (6 of 11): TP 1, FN 1, FP 1 -> F1 = .5; above: TP 0.
    assert figures['f1'] == pytest.approx(6 * 0.5 / 11)
    assert figures['f1_50'] == pytest.approx(0.5)
    assert figures['f1_75'] == 0


def test_order_of_frames_does_not_matter():
    generator = np.random.default_rng(1)
    frames = []
    for _ in range(6):
        labels = (generator.random((60, 100)) < 0.02).astype(np.uint8)
        frames.append((generator.random((60, 100)) < 0.05, labels))
    forward, backward = ComponentTally(), ComponentTally()
    for frame in frames:
        forward.add(*frame, ALL)
    for frame in reversed(frames):
        part = ComponentTally()
        part.add(*frame, ALL)
        backward.merge(part)
    assert forward.figures() == backward.figures()
