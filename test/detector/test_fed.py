import pytest
import torch
from support.detector_samples import CLASSES, EMBEDDING, config, ready_detector, segmenter_output

from flowenedet_ros.detector import (
    DetectorConfig,
    DetectorError,
    SmlStatistics,
    build_detector,
    parameter_count,
)
from flowenedet_ros.detector.loss import published_loss, published_target

PUBLISHED_COUNTS = [
    ('fed_u', 32, 4, 911),
    ('fed_u', 32, 8, 1_815),
    ('fed_c', 32, 4, 232_079),
    ('fed_c', 32, 8, 464_151),
    ('fed_c', 128, 4, 3_383_183),
    ('fed_c', 128, 8, 6_766_359),
]


@pytest.mark.parametrize(('variant', 'condition', 'blocks', 'count'), PUBLISHED_COUNTS)
def test_published_parameter_counts(variant, condition, blocks, count):
    shape = DetectorConfig(
        variant,
        classes=19,
        embedding_channels=512,
        form='published',
        blocks=blocks,
        condition=condition,
    )
    assert parameter_count(build_detector(shape)) == count


@pytest.mark.parametrize('variant', ['fed_u', 'fed_c'])
def test_corrected_form_costs_two_parameters_more(variant):
    published = parameter_count(build_detector(config(variant, form='published')))
    assert parameter_count(build_detector(config(variant))) == published + 2


@pytest.mark.parametrize('variant', ['fed_u', 'fed_c'])
@pytest.mark.parametrize('form', ['published', 'corrected'])
def test_one_score_serves_both_tasks(variant, form):
    output = segmenter_output()
    scores = ready_detector(variant, form=form)(output)
    assert torch.equal(scores.idm, scores.ood)
    assert scores.idm.shape == (2, 24, 32)
    assert torch.isfinite(scores.idm).all()
    assert scores.nonfinite.tolist() == [0, 0]


def test_variables_are_log_probabilities():
    z = ready_detector('fed_u').features(segmenter_output()).fine
    assert z.shape[1] == 2
    assert (z <= 1e-5).all()
    assert z[:, 1].min() >= -13.82


def test_condition_is_the_embedding_averaged_over_neighbouring_channels():
    output = segmenter_output()
    fine = ready_detector('fed_c', condition=8).features(output).fine
    expected = output.embedding[:, :4].mean(1)
    assert torch.allclose(fine[:, 2], expected)
    assert fine.shape[1] == 2 + 8


def test_embedding_has_to_divide_evenly():
    with pytest.raises(DetectorError, match='multiple'):
        build_detector(config('fed_c', condition=EMBEDDING - 1))


def test_statistics_have_to_be_of_the_segmenters_classes():
    detector = ready_detector('fed_u')
    with pytest.raises(DetectorError, match=f'of {CLASSES + 1} classes'):
        detector.set_statistics(SmlStatistics(torch.zeros(CLASSES + 1), torch.ones(CLASSES + 1)))


def test_published_form_has_no_inverse():
    detector = ready_detector('fed_u', form='published')
    with pytest.raises(DetectorError, match='corrected'):
        detector.flow.inverse(torch.randn(1, 2, 8, 8), None)


@pytest.mark.parametrize('variant', ['fed_u', 'fed_c'])
@pytest.mark.parametrize('form', ['published', 'corrected'])
def test_training_lowers_the_published_loss(variant, form):
    output = segmenter_output()
    detector = ready_detector(variant, form=form, blocks=2, condition=4).train()
    features = detector.features(output)
    target = published_target(output.logits, output.logits.argmax(1))
    # Wrong where the energy is low: what the detector is able to see.
    target = (features.fine[:, 0] < features.fine[:, 0].median()).long() | target
    optimiser = torch.optim.AdamW(detector.parameters(), lr=0.02)
    losses = []
    for _ in range(40):
        optimiser.zero_grad()
        loss = published_loss(detector.joint(features), target)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert all(parameter.grad is not None for parameter in detector.parameters())
    assert losses[-1] < losses[0]


def test_gradient_never_reaches_the_segmenter():
    output = segmenter_output()
    logits = output.logits.requires_grad_()
    with torch.no_grad():
        features = ready_detector('fed_u').features(output._replace(logits=logits))
    assert not features.fine.requires_grad
