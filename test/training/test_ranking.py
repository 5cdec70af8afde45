import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from flowenedet_ros.training.ranking import ranking

scores = st.lists(st.integers(-5, 5), min_size=1, max_size=60).map(np.float32)


@given(positive=scores, negative=scores)
def test_ranking_agrees_with_scikit_learn_on_ties(positive, negative):
    truth = np.r_[np.ones(len(positive)), np.zeros(len(negative))]
    values = np.r_[positive, negative]
    fall_out, recall, _ = roc_curve(truth, values, drop_intermediate=False)
    result = ranking(positive, negative)
    assert result.auroc == pytest.approx(roc_auc_score(truth, values))
    assert result.ap == pytest.approx(average_precision_score(truth, values))
    assert result.fpr95 == pytest.approx(fall_out[recall >= 0.95][0])


def test_a_side_without_pixels_has_no_ranking():
    assert np.isnan(ranking(np.zeros(0, np.float32), np.ones(3, np.float32)).auroc)


def test_a_better_ranking_has_more_merit():
    positive, mixed, low = (np.array(values, np.float32) for values in ([3, 4], [1, 3.5], [0, 1]))
    assert ranking(positive, low).merit > ranking(mixed, low).merit > ranking(low, positive).merit
    assert ranking(positive, low).merit == pytest.approx(2)
