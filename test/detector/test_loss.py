import math

import pytest
import torch

from flowenedet_ros.detector.loss import (
    INLIER,
    concurrent_loss,
    concurrent_target,
    published_loss,
    published_target,
)


def test_concurrent_target_tells_three_kinds_and_void():
    predicted = torch.tensor([[[1, 1, 1, 1]]])
    labels = torch.tensor([[[1, 2, 254, 255]]], dtype=torch.uint8)
    assert concurrent_target(predicted, labels).tolist() == [[[0, 1, 2, 255]]]


def test_published_target_makes_void_positive_and_can_ignore_padding():
    logits = torch.tensor([2.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 1, 3)
    labels = torch.tensor([[[0, 1, 255]]])
    assert published_target(logits, labels).tolist() == [[[0, 1, 1]]]
    padding = torch.tensor([[[False, False, True]]])
    assert published_target(logits, labels, padding).tolist() == [[[0, 1, 255]]]


def test_published_loss_is_taken_at_the_labels_resolution():
    joint = torch.zeros(1, 2, 4, 4)
    target = torch.zeros(1, 16, 16, dtype=torch.long)
    assert published_loss(joint, target).item() == pytest.approx(math.log(2))


def test_void_does_not_count():
    joint = torch.randn(1, 3, 4, 4)
    target = torch.zeros(1, 4, 4, dtype=torch.uint8)
    half = target.clone()
    half[:, 2:] = 255
    expected = concurrent_loss(joint[:, :, :2], target[:, :2], likelihood=0.3)
    assert concurrent_loss(joint, half, likelihood=0.3).item() == pytest.approx(expected.item())
    nothing = torch.full_like(target, 255)
    assert concurrent_loss(joint, nothing, likelihood=0.3).item() == 0


def test_weights_are_those_of_weighted_cross_entropy():
    joint, target = torch.randn(2, 3, 5, 5), torch.randint(0, 3, (2, 5, 5))
    expected = torch.nn.functional.cross_entropy(joint, target, torch.tensor([1.0, 2.0, 3.0]))
    assert concurrent_loss(joint, target).item() == pytest.approx(expected.item(), rel=1e-5)


def test_full_likelihood_is_the_negative_log_joint():
    joint, target = torch.randn(2, 3, 5, 5), torch.randint(0, 3, (2, 5, 5))
    loss = concurrent_loss(joint, target, class_weights=(1.0, 1.0, 1.0), likelihood=4.0)
    expected = -joint.gather(1, target[:, None]).mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_an_inlier_of_unlabelled_frames_may_be_correct_or_wrong_but_no_outlier():
    joint = torch.log(torch.tensor([0.3, 0.2, 0.5])).view(1, 3, 1, 1)
    target = torch.full((1, 1, 1), INLIER)
    assert concurrent_loss(joint, target).item() == pytest.approx(-math.log(0.5), rel=1e-5)


def test_a_pixel_that_counts_twice_weighs_as_two():
    joint = torch.randn(1, 3, 1, 3, generator=torch.Generator().manual_seed(0))
    target = torch.tensor([[[0, 2, 2]]])
    twice = torch.cat([joint, joint[..., 2:]], dim=3), torch.tensor([[[0, 2, 2, 2]]])
    emphasis = torch.tensor([[[1.0, 1.0, 2.0]]])
    loss = concurrent_loss(joint, target, emphasis=emphasis)
    assert loss.item() == pytest.approx(concurrent_loss(*twice).item(), rel=1e-5)
