"""Repainted pictures show the same things in other looks."""

import cv2
import numpy as np
import pytest

from flowenedet_ros.data.classes import VOID
from flowenedet_ros.data.ground_marks import mark_ground
from flowenedet_ros.data.repaint import Repainter

SKY, ROAD = 0, 3
NEAR = 3


@pytest.fixture
def street():
    rng = np.random.default_rng(0)
    image = rng.integers(90, 130, (240, 480, 3)).astype(np.uint8)
    labels = np.full((240, 480), SKY, np.uint8)
    labels[120:] = ROAD
    labels[200:, :100] = VOID
    return image, labels


def test_a_picture_is_new_and_depends_on_the_generator_alone(street):
    image, labels = street
    before = image.copy()
    repaint = Repainter([ROAD])
    first, again = (repaint(np.random.default_rng(5), image, labels) for _ in range(2))
    assert np.array_equal(first, again)
    assert np.array_equal(image, before)
    assert first.dtype == np.uint8
    looks = [repaint(np.random.default_rng(seed), image, labels) for seed in range(20)]
    means = np.array([look[130:190].mean((0, 1)) for look in looks])
    assert np.all(means.std(axis=0) > 5), 'roads come in many colours'


def test_marks_lie_on_the_ground_alone(street):
    image, labels = street
    ground = labels == ROAD
    off = cv2.dilate(ground.astype(np.uint8), np.ones((2 * NEAR + 1,) * 2, np.uint8)) == 0
    changed = np.zeros(ground.shape, bool)
    for seed in range(30):
        marked = mark_ground(np.random.default_rng(seed), image, ground)
        assert np.array_equal(marked[off], image[off])
        changed |= np.abs(marked.astype(int) - image).max(axis=2) > 20
    assert changed[ground].mean() > 0.5, 'anywhere on the road'


def test_what_is_unlabelled_is_sharpened_at_most(street):
    image, labels = street
    rim = cv2.dilate((labels != VOID).astype(np.uint8), np.ones((2 * NEAR + 1,) * 2, np.uint8))
    inside = rim == 0
    looks = [Repainter([ROAD])(np.random.default_rng(seed), image, labels) for seed in range(20)]
    kept = [np.array_equal(look[inside], image[inside]) for look in looks]
    assert 8 < sum(kept) < 20
    assert all(abs(float(look[inside].mean()) - float(image[inside].mean())) < 2 for look in looks)
