"""Crops as other cameras would give them."""

import torch
from support.detector_samples import config, ready_detector, segmenter_output

from flowenedet_ros.detector import build_detector
from flowenedet_ros.training.camera_shift import CameraShift


def test_features_move_as_a_whole_and_logits_stay():
    detector = ready_detector('flowenedet')
    output = segmenter_output()
    shifted = CameraShift(detector)(output, seed=3)
    assert torch.equal(shifted.logits, output.logits)
    moved = shifted.embedding - output.embedding
    spread = moved.std(dim=(2, 3))
    hidden = shifted.embedding.std(dim=(2, 3)) < 1e-6
    assert spread[~hidden].max() < 1e-5
    assert 0 <= hidden.float().mean() < 0.4
    assert moved.abs().mean() > 0.01


def test_a_seed_decides_the_shift():
    shift, output = CameraShift(ready_detector('flowenedet')), segmenter_output()
    again = shift(output, seed=1).deep
    assert torch.equal(shift(output, seed=1).deep, again)
    assert not torch.equal(shift(output, seed=2).deep, again)


def test_logits_alone_pass_unchanged():
    detector = build_detector(config('flowenedet', embedding_channels=None, deep_channels=None))
    output = segmenter_output()._replace(embedding=None, deep=None)
    assert CameraShift(detector)(output, seed=0).embedding is None
