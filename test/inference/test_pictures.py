"""Overlays show what was perceived where it is."""

import numpy as np

from flowenedet_ros.data.classes import CAMVID_CLASSES
from flowenedet_ros.inference.perception import Perception
from flowenedet_ros.inference.pictures import (
    OOD_COLOR,
    colorize_labels,
    colorize_score,
    draw_overlay,
)

GREY = np.full((120, 160, 3), 128, np.uint8)


def perception(idm=None, ood=None, label=3):
    """Give a perception of 60 x 80 pixels, all of one class."""
    empty = np.zeros((60, 80), np.uint8)
    scores = np.zeros((15, 20), np.float32)
    return Perception(
        np.full((60, 80), label, np.uint8),
        empty if idm is None else idm,
        empty if ood is None else ood,
        scores,
        scores,
        0,
        {},
    )


def test_labels_have_their_class_colours_and_void_is_black():
    labels = np.array([[0, 3, 255]], np.uint8)

    picture = colorize_labels(labels, CAMVID_CLASSES)

    assert picture[0, 1].tolist() == list(CAMVID_CLASSES[3].color[::-1])
    assert picture[0, 2].tolist() == [0, 0, 0]


def test_scores_outside_the_range_or_not_finite_are_drawn_as_its_ends():
    score = np.array([[-1.0, 0.0, 1.0, 2.0, np.nan]], np.float32)

    picture = colorize_score(score)

    assert (picture[0, 0] == picture[0, 1]).all()
    assert (picture[0, 2] == picture[0, 3]).all()
    assert (picture[0, 4] == picture[0, 1]).all()
    assert (picture[0, 1] != picture[0, 2]).any()


def test_overlay_fills_and_outlines_unknown_objects_and_hatches_doubt():
    idm, ood = np.zeros((2, 60, 80), np.uint8)
    idm[:, 60:] = 255
    ood[20:40, 30:50] = 255
    plain = draw_overlay(GREY, perception(), CAMVID_CLASSES, legend=False)

    picture = draw_overlay(GREY, perception(idm, ood), CAMVID_CLASSES, legend=False)

    assert picture.shape == GREY.shape
    changed = (picture != plain).any(axis=2)
    assert changed[40:80, 60:100].all()
    assert (picture[40, 60:100] == OOD_COLOR).all()
    hatched = changed[:, 122:].mean()
    assert 0.2 < hatched < 0.5
    assert not changed[:, :55].any()


def test_legend_gives_the_figures_and_leaves_the_input_alone():
    image = GREY.copy()

    picture = draw_overlay(image, perception(), CAMVID_CLASSES)

    assert (image == GREY).all()
    assert (picture[:60, :130] != draw_overlay(image, perception(), CAMVID_CLASSES, False)[
        :60, :130
    ]).any()  # fmt: skip


def test_pictures_of_any_size_can_be_drawn():
    for size in ((1, 1), (7, 300), (300, 7)):
        image = np.zeros((*size, 3), np.uint8)
        assert draw_overlay(image, perception(), CAMVID_CLASSES).shape == image.shape
