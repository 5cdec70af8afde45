"""Small outliers count for more, everything else as it is."""

import torch

from flowenedet_ros.data.classes import VOID
from flowenedet_ros.detector.loss import CORRECT, INLIER, OUTLYING, WRONG
from flowenedet_ros.training.emphasis import outlier_emphasis


def crops():
    target = torch.full((2, 40, 40), CORRECT, dtype=torch.uint8)
    target[0, 2:4, 2:4] = OUTLYING
    target[0, 10:30, 10:30] = OUTLYING
    target[1, 5:7] = WRONG
    target[1, 8:10] = VOID
    target[1, 20:30] = INLIER
    return target


def test_pixels_of_a_small_outlier_count_for_more_and_those_of_a_large_one_for_no_less():
    emphasis = outlier_emphasis(crops())
    assert emphasis.shape == (2, 40, 40)
    assert emphasis[0, 2, 2] > 1
    assert emphasis[0, 20, 20] == 1
    assert emphasis[0, 2:4, 2:4].sum() < emphasis[0, 10:30, 10:30].sum()


def test_all_that_is_no_outlier_counts_as_it_did():
    target = crops()
    assert (outlier_emphasis(target)[target != OUTLYING] == 1).all()


def test_a_crop_of_one_outlier_alone_has_finite_weights():
    emphasis = outlier_emphasis(torch.full((1, 8, 8), OUTLYING, dtype=torch.uint8))
    assert torch.isfinite(emphasis).all()
    assert (emphasis > 0).all()
