import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from flowenedet_ros.detector import SmlStatistics
from flowenedet_ros.detector.baselines import Baselines, mc_dropout

STATISTICS = SmlStatistics(torch.tensor([4.0, 5, 6]), torch.tensor([1.0, 2, 4]))


def every_score(logits):
    baselines = Baselines(logits)
    plain = {name: getattr(baselines, name)() for name in ('msp', 'entropy', 'max_logit', 'energy')}
    return plain | {'sml': baselines.sml(STATISTICS)}


@given(st.lists(st.floats(-20, 20, width=32), min_size=3, max_size=3))
def test_scores_agree_with_their_definitions(values):
    logits = torch.tensor(values).view(1, 3, 1, 1)
    softmax = logits.double().softmax(1)
    top, predicted = logits.max(1)
    assert Baselines(logits).msp().sigmoid().item() == pytest.approx(
        1 - softmax.max().item(), abs=1e-5
    )
    expected = -(softmax * softmax.log()).sum().item()
    assert Baselines(logits).entropy().item() == pytest.approx(expected, abs=1e-5)
    assert Baselines(logits).max_logit().item() == -top.item()
    assert Baselines(logits).energy().item() == pytest.approx(-logits.logsumexp(1).item(), abs=1e-5)
    mean, variance = (x[predicted].item() for x in STATISTICS)
    expected = (mean - top.item()) / math.sqrt(variance)
    assert Baselines(logits).sml(STATISTICS).item() == pytest.approx(expected, abs=1e-4)


def test_confident_pixels_keep_their_order():
    gaps = torch.arange(1, 60, dtype=torch.float32)
    logits = torch.stack([gaps, torch.zeros_like(gaps), torch.zeros_like(gaps)])[None, :, None]
    for name, score in every_score(logits).items():
        assert (score.flatten().diff() < 0).all(), name


def test_every_score_is_finite_whatever_the_logits():
    logits = torch.randn(1, 3, 4, 4) * 1e4
    logits[0, 0, 0, 0], logits[0, 1, 1, 1], logits[0, 2, 2, 2] = math.nan, math.inf, -math.inf
    scores = every_score(logits)
    for name, score in scores.items():
        assert score.shape == (1, 4, 4), name
        assert torch.isfinite(score).all(), name


def test_equal_logits_are_the_most_doubtful():
    logits = torch.zeros(1, 3, 1, 1)
    assert Baselines(logits).entropy().item() == pytest.approx(math.log(3))
    assert Baselines(logits).msp().item() == pytest.approx(math.log(2))


def test_dropout_raises_the_entropy_and_is_seeded():
    torch.manual_seed(0)
    classifier = torch.nn.Conv2d(16, 3, 1).requires_grad_(False)
    embedding = torch.randn(1, 16, 5, 5) * 4
    scores = mc_dropout(embedding, classifier, samples=8, seed=3)
    assert scores.shape == (1, 5, 5)
    assert torch.equal(scores, mc_dropout(embedding, classifier, samples=8, seed=3))
    assert scores.mean() > Baselines(classifier(embedding)).entropy().mean()
    assert torch.allclose(
        mc_dropout(embedding, classifier, samples=2, rate=0.0),
        Baselines(classifier(embedding)).entropy(),
        atol=1e-5,
    )
