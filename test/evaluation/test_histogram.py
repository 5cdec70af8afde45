"""Streaming rank metrics against scikit-learn, merged any way."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from flowenedet_ros.evaluation import rank_metrics
from flowenedet_ros.evaluation.histogram import (
    ScoreHistogram,
    bin_values,
    key_counts,
    key_ranks,
    reaches,
    score_keys,
)
from flowenedet_ros.evaluation.methods import finite

GROUPS = ('negative', 'positive')
# Some runtimes switch subnormal numbers off for the whole process.
FLOATS = st.floats(width=32, allow_nan=False, allow_subnormal=False)


def histogram_of(scores):
    counts = {group: key_counts(score_keys(own)) for group, own in scores.items()}
    return ScoreHistogram(tuple(scores), counts)


def histogram_of_two(scores, positive):
    return histogram_of({'negative': scores[~positive], 'positive': scores[positive]})


def ranking_of(scores, positive):
    return histogram_of_two(scores, positive).descending('positive', 'negative')


def first_threshold_fpr95(scores, positive):
    fpr, tpr, _ = roc_curve(positive, scores, drop_intermediate=False)
    return fpr[np.searchsorted(tpr, 0.95)]


@given(st.lists(FLOATS, min_size=1))
def test_bins_keep_the_order_of_numbers(values):
    scores = np.sort(finite(np.array(values, np.float32)))
    ranks = key_ranks(score_keys(scores))
    assert (np.diff(ranks.astype(np.int64)) >= 0).all()


@given(st.floats(2**-14, 65000, width=32), st.sampled_from([-1, 1]))
def test_bins_are_a_thousandth_of_the_score_wide(size, sign):
    score = np.float32(sign * size)
    bin_value = bin_values(score_keys(score.reshape(1)))[0]
    assert bin_value == pytest.approx(float(score), rel=2**-10)


def test_reaching_a_threshold_is_being_in_its_bin_or_above():
    scores = np.array([[0.1, 0.50001], [0.5, 0.6]], np.float32)
    assert reaches(scores, 0.5).tolist() == [[False, True], [True, True]]


@pytest.mark.parametrize('scale', [1e-3, 1.0, 300.0])
@pytest.mark.parametrize('shift', [-3.0, 0.0, 20.0])
def test_figures_are_those_of_scikit_learn_within_the_stated_bound(scale, shift):
    generator = np.random.default_rng(7)
    positive = generator.random(60_000) < 0.03
    scores = (generator.standard_normal(60_000) + 1.5 * positive + shift) * scale
    scores = scores.astype(np.float32)
    figures = rank_metrics.rank_figures(ranking_of(scores, positive))
    expected = {
        'auroc': roc_auc_score(positive, scores),
        'ap': average_precision_score(positive, scores),
        'fpr95': first_threshold_fpr95(scores, positive),
    }
    for name, value in expected.items():
        assert abs(figures[name] - value) <= figures[f'{name}_error'] + 1e-12, name
        # Far from zero, a spread of one has 64 bins.
        assert abs(figures[name] - value) < (5e-3 if shift == 20 else 1e-3), name
    ranking = ranking_of(scores, positive)
    assert rank_metrics.rank_values(ranking) == {name: figures[name] for name in expected}


def test_several_rankings_of_the_same_groups():
    generator = np.random.default_rng(8)
    scores = {
        group: generator.normal(place, 1, 5_000).astype(np.float32)
        for place, group in enumerate(('right', 'wrong', 'unknown'))
    }
    histogram = histogram_of(scores)
    pairs = ((('wrong',), ('right',)), (('wrong', 'unknown'), ('right',)))
    for (positive, negative), ranking in zip(pairs, histogram.rankings(*pairs), strict=True):
        sides = [np.concatenate([scores[g] for g in side]) for side in (positive, negative)]
        marks = np.repeat([True, False], [len(side) for side in sides])
        expected = roc_auc_score(marks, np.concatenate(sides))
        assert rank_metrics.auroc(ranking).value == pytest.approx(expected, abs=1e-3)


@given(
    arrays(np.int8, st.integers(2, 60), elements=st.integers(-4, 4)),
    st.randoms(use_true_random=False),
)
def test_ties_count_as_scikit_learn_counts_them(levels, random):
    positive = np.array([random.random() < 0.4 for _ in levels])
    positive[0], positive[-1] = True, False
    scores = levels.astype(np.float32)
    ranking = ranking_of(scores, positive)
    assert rank_metrics.auroc(ranking).value == pytest.approx(roc_auc_score(positive, scores))
    expected = average_precision_score(positive, scores)
    assert rank_metrics.average_precision(ranking).value == pytest.approx(expected)
    expected = first_threshold_fpr95(scores, positive)
    assert rank_metrics.fpr_at_tpr(ranking).value == pytest.approx(expected)


@given(arrays(np.float32, st.integers(2, 80), elements=st.floats(-2, 2, width=32)))
def test_bound_covers_scores_that_share_a_bin(jitter):
    # Scores around 1000 within one bin each way: nearly everything collides.
    scores = (np.float32(1000) + jitter / 10).astype(np.float32)
    positive = np.arange(len(scores)) % 3 == 0
    figures = rank_metrics.rank_figures(ranking_of(scores, positive))
    assert abs(figures['auroc'] - roc_auc_score(positive, scores)) <= figures['auroc_error'] + 1e-9
    exact = average_precision_score(positive, scores)
    assert abs(figures['ap'] - exact) <= figures['ap_error'] + 1e-9


def test_any_split_merges_to_the_same_figures_bit_for_bit():
    generator = np.random.default_rng(3)
    scores = generator.gamma(0.3, 1.0, 50_000).astype(np.float32)
    positive = generator.random(50_000) < 0.2
    whole = rank_metrics.rank_figures(ranking_of(scores, positive))
    merged = ScoreHistogram(GROUPS)
    for part in np.array_split(generator.permutation(50_000), 7):
        histogram = histogram_of_two(scores[part], positive[part])
        merged.merge(pickle.loads(pickle.dumps(histogram)))
    assert rank_metrics.rank_figures(merged.descending('positive', 'negative')) == whole


def test_counts_stay_exact_beyond_float32():
    histogram = ScoreHistogram(GROUPS, {'negative': key_counts(np.zeros((1 << 24) + 3, np.uint16))})
    assert histogram.total('negative') == (1 << 24) + 3


def test_one_kind_alone_has_no_figures():
    figures = rank_metrics.rank_figures(ranking_of(np.ones(3, np.float32), np.ones(3, bool)))
    assert np.isnan(list(figures.values())).all()


def test_best_f1_by_hand():
    scores = np.array([4, 3, 2, 1], np.float32)
    ranking = ranking_of(scores, np.array([True, True, False, True]))
    f1, threshold = rank_metrics.best_f1(ranking)
    assert f1 == pytest.approx(6 / 7)
    assert threshold == 1


def test_threshold_at_a_false_positive_rate():
    scores = np.arange(100, dtype=np.float32)
    ranking = ranking_of(scores, scores > 200)
    assert np.isnan(rank_metrics.auroc(ranking).value)
    assert rank_metrics.threshold_at_fpr(ranking, 0.05) == 95
