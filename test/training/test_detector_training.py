import hashlib

import numpy as np
import pytest
import torch
from support.devices import DEVICES
from torch import nn

from flowenedet_ros.data.classes import CAMVID_CLASSES, ClassInfo
from flowenedet_ros.data.composites import OutlierPaster
from flowenedet_ros.data.folder import Sample
from flowenedet_ros.data.repaint import Repainter
from flowenedet_ros.detector.build import build_detector, parameter_count
from flowenedet_ros.detector.loss import concurrent_loss
from flowenedet_ros.segmenters.interface import FrozenSegmenter, SegmenterSpec
from flowenedet_ros.segmenters.registry import build_network, freeze
from flowenedet_ros.training.detector_training import DetectorTrainer, DetectorTraining
from flowenedet_ros.training.detector_views import FrameSource
from flowenedet_ros.training.distributed import Process
from flowenedet_ros.training.fit_detectors import (
    Material,
    cache_material,
    detector_config,
    fit_detector,
    gather_statistics,
)

SIZE = (64, 96)
CPU = torch.device('cpu')


class ColorNetwork(nn.Module):
    """Tell red, green and blue apart at stride 4, as an embedding and logits."""

    def forward(self, images):
        small = nn.functional.avg_pool2d(images, 4)
        embedding = torch.cat([small, small.square()], dim=1)
        return 4 * small, embedding, nn.functional.avg_pool2d(small, 4)


def street(number):
    """Paint a picture of three colours, one a class, with some labels off."""
    rng = np.random.default_rng(number)
    labels = np.kron(rng.integers(0, 3, (4, 6)), np.ones((16, 16))).astype(np.uint8)
    image = np.full((*SIZE, 3), 40, np.uint8)
    for label in range(3):
        image[labels == label, 2 - label] = 200
    noise = rng.integers(-15, 16, image.shape)
    wrong = labels.copy()
    wrong[:16, :16] = (labels[:16, :16] + 1) % 3
    return Sample(np.clip(image + noise, 0, 255).astype(np.uint8), wrong, str(number))


@pytest.fixture
def segmenter():
    classes = tuple(ClassInfo(name, (0, 0, 0)) for name in ('red', 'green', 'blue'))
    spec = SegmenterSpec('colors', classes, SIZE, 4, 6, 3, 16)
    return FrozenSegmenter(ColorNetwork(), spec)


@pytest.fixture
def material():
    merge = np.arange(256, dtype=np.uint8)
    frames = [street(i) for i in range(12)]
    return Material(
        train=[FrameSource(frames[:8], merge, repeats=2)],
        validation=[FrameSource(frames[8:], merge)],
        paster=OutlierPaster(),
        held_out_paster=OutlierPaster(),
        repainter=Repainter([0]),
        identity={'frames': 'painted'},
    )


@pytest.mark.parametrize('device', DEVICES)
def test_detectors_are_fitted_on_cached_outputs_and_resume(tmp_path, segmenter, material, device):
    process = Process(rank=0, world=1, device=torch.device(device))
    caches = cache_material(segmenter, material, tmp_path / 'cache', process.device, plain=True)
    statistics = gather_statistics(caches.pasted, 3)
    for variant in ('flowenedet', 'fed_u'):
        settings = DetectorTraining(variant, steps=40, epoch_steps=20, batch_size=4, crop=16)
        config = detector_config(segmenter, variant)
        out = tmp_path / variant
        fitted, figures = fit_detector(config, settings, caches, statistics, out, process)
        assert set(figures) == {'idm', 'ood', 'separation'}
        assert all(value.device.type == device for value in fitted.state_dict().values())
        again, _ = fit_detector(config, settings, caches, statistics, out, process)
        for name, value in fitted.state_dict().items():
            assert torch.equal(value, again.state_dict()[name]), name
    assert figures['ood'].auroc > 0


@pytest.mark.parametrize('device', DEVICES)
def test_a_fit_that_was_stopped_goes_on_from_its_checkpoint(tmp_path, segmenter, material, device):
    process = Process(rank=0, world=1, device=torch.device(device))
    caches = cache_material(segmenter, material, tmp_path / 'cache', process.device, plain=False)
    statistics = gather_statistics(caches.pasted, 3)
    config = detector_config(segmenter, 'flowenedet')
    settings = DetectorTraining('flowenedet', steps=20, epoch_steps=10, batch_size=4, crop=16)

    def fit(out, stop_at=None):
        torch.manual_seed(0)
        detector = build_detector(config)
        detector.set_statistics(statistics)
        detector.fit_normalisation(caches.pasted.view(i)[0] for i in range(4))
        trainer = DetectorTrainer(
            settings, detector, loss_until(stop_at), caches.pasted, caches.validation, out, process
        )
        return trainer.fit().state_dict()

    whole = fit(tmp_path / 'whole')
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / 'stopped', stop_at=15)
    resumed = fit(tmp_path / 'stopped')
    for name, value in whole.items():
        # A GPU adds up in any order.
        tolerance = 1e-6 if device == 'cpu' else 1e-3
        torch.testing.assert_close(resumed[name], value, atol=tolerance, rtol=0)


def loss_until(stop_at):
    """Give the loss of the concurrent detector, interrupted at a step."""
    steps = 0

    def loss(joint, target):
        nonlocal steps
        steps += 1
        if steps == stop_at:
            raise KeyboardInterrupt
        return concurrent_loss(joint, target)

    return loss


@pytest.mark.parametrize('name', ['deeplabv3plus_efficientnet-lite0', 'segformer_b0'])
def test_a_detector_takes_at_most_two_percent_of_its_segmenter(name):
    with torch.device('meta'):
        segmenter = freeze(name, build_network(name, 11), CAMVID_CLASSES, (64, 96))
    own = sum(parameter.numel() for parameter in segmenter.parameters())
    detector = build_detector(detector_config(segmenter, 'flowenedet'))
    assert parameter_count(detector) <= 0.02 * own


def test_outputs_are_segmented_once(tmp_path, segmenter, material):
    cache_material(segmenter, material, tmp_path, CPU, plain=False)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob('*.npy')}
    digest = {p: hashlib.sha256(p.read_bytes()).digest() for p in before}
    cache_material(segmenter, material, tmp_path, CPU, plain=False)
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob('*.npy')}
    assert digest == {p: hashlib.sha256(p.read_bytes()).digest() for p in before}


def test_a_stopped_caching_run_goes_on(tmp_path, segmenter, material):
    calls = 0
    forward = segmenter.network.forward

    def count(images):
        nonlocal calls
        calls += 1
        if calls == 20:
            raise KeyboardInterrupt
        return forward(images)

    segmenter.network.forward = count
    with pytest.raises(KeyboardInterrupt):
        cache_material(segmenter, material, tmp_path, CPU, plain=False)
    caches = cache_material(segmenter, material, tmp_path, CPU, plain=False)
    assert len(caches.pasted) == 16
    assert calls < 2 * (16 + 4)
