import math

import pytest
import torch

from flowenedet_ros.detector import DetectorError, SmlEstimator


def batches(count=4, size=16):
    generator = torch.Generator().manual_seed(0)
    for _ in range(count):
        logits = torch.randn(2, 3, size, size, generator=generator) * 2 + 4
        labels = torch.randint(0, 3, (2, size, size), generator=generator)
        labels[:, 0] = 255
        yield logits, labels


def reference(labelled):
    """Gather per predicted class all at once."""
    values = [[], [], []]
    for logits, labels in batches():
        top, predicted = logits.max(1)
        chosen = labels < 254 if labelled else predicted == labels
        for index in range(3):
            values[index].append(top[chosen & (predicted == index)])
    return [torch.cat(value) for value in values]


@pytest.mark.parametrize('pixels', ['correct', 'labelled'])
def test_streaming_equals_all_at_once(pixels):
    estimator = SmlEstimator(3, pixels=pixels, shrinkage=0)
    for logits, labels in batches():
        estimator.update(logits, labels)
    mean, variance = estimator.statistics()
    expected = reference(pixels == 'labelled')
    assert torch.allclose(mean, torch.stack([x.mean() for x in expected]), atol=1e-5)
    assert torch.allclose(variance, torch.stack([x.var(correction=0) for x in expected]), atol=1e-5)


def test_published_rule_averages_images_with_momentum():
    estimator = SmlEstimator(1, published=True)
    for value in (1.0, 2.0):
        estimator.update(torch.full((1, 1, 4, 4), value), torch.zeros(1, 4, 4, dtype=torch.long))
    assert estimator.statistics().mean.item() == pytest.approx(1.01)


def test_logits_are_brought_to_the_size_of_the_labels():
    estimator = SmlEstimator(2)
    logits = torch.tensor([3.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 4, 4)
    estimator.update(logits, torch.zeros(1, 16, 16, dtype=torch.uint8))
    assert estimator.statistics().mean.tolist() == [3, 3]


def test_a_class_never_seen_gets_the_value_of_all():
    estimator = SmlEstimator(3)
    logits = torch.zeros(1, 3, 8, 8)
    logits[:, 0, :4], logits[:, 1, 4:] = 2, 6
    estimator.update(logits, logits.argmax(1))
    mean, variance = estimator.statistics()
    assert mean[2].item() == pytest.approx(4)
    assert mean[0] < mean[2] < mean[1]
    assert variance[2] > variance[0]


def test_logits_that_are_not_finite_do_not_spoil_the_statistics():
    estimator = SmlEstimator(3)
    for logits, labels in batches():
        logits[0, 0, 0, 0] = math.nan
        estimator.update(logits, labels)
    assert all(torch.isfinite(x).all() for x in estimator.statistics())


def test_labels_of_another_set_are_reported():
    estimator = SmlEstimator(3)
    logits, labels = next(batches())
    estimator.update(logits, torch.full_like(labels, 255))
    with pytest.raises(DetectorError, match='label maps'):
        estimator.statistics()
