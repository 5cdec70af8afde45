import numpy as np
import torch

from flowenedet_ros.data.classes import VOID
from flowenedet_ros.data.folder import Sample
from flowenedet_ros.training.augment import Augmentation
from flowenedet_ros.training.segmentation_views import EpochSampler, SegmentationViews


def striped(height=60, width=80):
    """Give a picture whose gray level tells its label."""
    labels = np.repeat(np.arange(4, dtype=np.uint8), width // 4)[None].repeat(height, 0)
    image = np.repeat((labels * 60)[..., None], 3, axis=2)
    return Sample(image, np.ascontiguousarray(labels), 'striped')


def test_views_depend_on_seed_and_epoch_alone():
    views = SegmentationViews([[striped()]], Augmentation((32, 48), (0.6, 1.9)), seed=3)
    first, again, next_epoch = views[0], views[0], views[1]
    assert torch.equal(first[0], again[0])
    assert not torch.equal(first[0], next_epoch[0])


def test_two_processes_share_every_epoch_between_them():
    views = SegmentationViews([[striped()] * 6], Augmentation((32, 48), (0.6, 1.9)), seed=3)
    samplers = [EpochSampler(views, num_replicas=2, rank=rank) for rank in range(2)]
    for epoch in range(2):
        for sampler in samplers:
            sampler.set_epoch(epoch)
        numbers = sorted(number for sampler in samplers for number in sampler)
        assert numbers == list(range(6 * epoch, 6 * epoch + 6))


def test_labels_follow_the_picture():
    augmentation = Augmentation((48, 64), (0.6, 1.9), color=0.0)
    sample = striped()
    agreement = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        image, labels = augmentation(sample.image, sample.labels, rng)
        assert image.shape == (48, 64, 3)
        assert labels.shape == (48, 64)
        known = labels != VOID
        brightness = image.mean(2)
        means = [brightness[known & (labels == i)].mean() for i in np.unique(labels[known])]
        agreement.append(means == sorted(means))
    assert all(agreement)


def test_sources_follow_each_other():
    dark, bright = striped(), striped()
    bright = Sample(np.full_like(bright.image, 250), bright.labels, 'bright')
    views = SegmentationViews([[dark, dark], [bright]], Augmentation((32, 48), (0.6, 1.9)), seed=0)
    assert len(views) == 3
    assert views[2][0].float().mean() > views[0][0].float().mean()


def test_large_pictures_are_averaged_and_stay_aligned():
    augmentation = Augmentation((48, 64), (0.8, 1.2), color=0.0)
    sample = striped(480, 640)
    checkered = np.indices((480, 640)).sum(0)[..., None].repeat(3, axis=2) % 2 * 255
    for seed in range(8):
        rng = np.random.default_rng(seed)
        image, labels = augmentation(sample.image, sample.labels, rng)
        known = labels != VOID
        off = np.abs(image.mean(2)[known] - labels[known] * 60.0)
        assert np.median(off) < 20
        assert (off < 45).mean() > 0.93

        rng = np.random.default_rng(seed)
        view, labels = augmentation(checkered.astype(np.uint8), sample.labels, rng)
        assert view[labels != VOID].std() < 30  # gray, not black and white
