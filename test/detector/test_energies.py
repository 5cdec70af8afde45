import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from flowenedet_ros.detector.energies import (
    LOG_FLOOR,
    finite_pixels,
    log_in_out,
    negative_free_energy,
    sanitise,
    softplus,
    standardise,
    summarise,
)

LOGIT = st.floats(-60, 60, width=32)


def pixel(values):
    return torch.tensor(values, dtype=torch.float32).view(1, -1, 1, 1)


@given(st.floats(-100, 100, width=32))
def test_both_log_probabilities_agree_with_float64(energy):
    inside, outside = log_in_out(pixel([energy])).flatten().tolist()
    exact = torch.tensor(energy, dtype=torch.float64)
    assert inside == pytest.approx(-torch.nn.functional.softplus(-exact).item(), abs=1e-5)
    assert outside == pytest.approx(math.log(1e-6 + torch.sigmoid(-exact).item()), abs=1e-5)
    assert inside <= 0
    assert LOG_FLOOR - 1e-4 <= outside <= 1e-5


@given(st.lists(LOGIT, min_size=3, max_size=19))
def test_summary_agrees_with_the_sorted_softmax(values):
    summary = summarise(pixel(values))
    exact = torch.tensor(values, dtype=torch.float64).sort(descending=True).values
    first = exact[0] - exact[1:].logsumexp(0)
    second = exact[1] - exact[2:].logsumexp(0)
    assert summary.energy.item() == pytest.approx(exact.logsumexp(0).item(), abs=1e-4)
    assert summary.first_odds.item() == pytest.approx(min(first.item(), 30), abs=1e-3)
    if exact[0] > exact[1]:
        # Beside classes that are out of reach anyway the second odds may be limited.
        reachable = exact[1] - exact[0] > -60
        expected = min(second.item(), 10)
        assert not reachable or summary.second_odds.item() == pytest.approx(expected, abs=0.02)


def test_classes_that_tie_are_no_certain_answer():
    summary = summarise(pixel([5.0, 5.0, -20.0]))
    assert summary.first_odds.item() == pytest.approx(0, abs=1e-5)
    assert summary.energy.item() == pytest.approx(5 + math.log(2), abs=1e-5)
    assert torch.isfinite(torch.cat([part.flatten() for part in summarise(pixel([0.0] * 4))])).all()


def test_energy_is_logsumexp_and_survives_large_logits():
    logits = torch.randn(2, 7, 3, 3) * 1000
    assert torch.allclose(negative_free_energy(logits), logits.logsumexp(1, keepdim=True))
    assert negative_free_energy(torch.randn(1, 3, 2, 2, dtype=torch.float16)).dtype is torch.float32


def test_standardised_logits_have_no_mean_and_unit_variance():
    logits = torch.randn(4, 3, 50, 50) * torch.tensor([1.0, 2, 3]).view(1, 3, 1, 1) + 5
    mean, variance = logits.mean((0, 2, 3)), logits.var((0, 2, 3))
    standardised = standardise(logits, mean, variance)
    assert torch.allclose(standardised.mean((0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(standardised.var((0, 2, 3)), torch.ones(3), atol=1e-5)


@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf])
def test_pixels_that_are_not_finite_are_found_and_replaced(value):
    logits = torch.randn(2, 4, 3, 3)
    logits[1, 2, 0, 1] = value
    good = finite_pixels(logits)
    assert not good[1, 0, 0, 1]
    assert good.sum() == 17
    clean = sanitise(logits)
    assert (clean[1, :, 0, 1] == 0).all()
    assert torch.equal(clean[0], logits[0])


@given(st.floats(-1000, 1000, width=32))
def test_softplus_is_stable(x):
    expected = torch.nn.functional.softplus(torch.tensor(x, dtype=torch.float64)).item()
    assert softplus(torch.tensor(x)).item() == pytest.approx(expected, abs=1e-6, rel=1e-6)
