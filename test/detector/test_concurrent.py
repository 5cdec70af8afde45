import math

import pytest
import torch
from support.detector_samples import (
    CLASSES,
    DEEP,
    EMBEDDING,
    config,
    ready_detector,
    segmenter_output,
)

from flowenedet_ros.detector import DetectorConfig, DetectorError, build_detector, parameter_count
from flowenedet_ros.detector.features import VARIABLES, class_mixture
from flowenedet_ros.detector.loss import concurrent_loss

VARIANTS = ['flowenedet', 'convnet']


@pytest.fixture(params=[*VARIANTS, 'flowenedet with cells'])
def detector(request):
    variant, *cells = request.param.split(' with ')
    return ready_detector(variant, embedding_cells=bool(cells))


def test_two_scores_per_pixel(detector):
    scores = detector(segmenter_output())
    assert scores.idm.shape == scores.ood.shape == (2, 24, 32)
    assert not torch.allclose(scores.idm, scores.ood)


def test_component_probabilities_sum_to_one(detector):
    features = detector.features(segmenter_output())
    odds = detector.odds(features)
    correct = torch.zeros_like(odds[:, :1])
    probabilities = torch.cat([correct, odds], dim=1).softmax(dim=1)
    assert torch.allclose(probabilities.sum(1), torch.ones(2, 24, 32), atol=1e-6)
    joint = detector.joint(features)
    assert torch.allclose(joint.softmax(1), probabilities, atol=1e-5)


def test_scores_follow_from_the_components_and_the_two_weights(detector):
    detector.set_readout(energy_weight=0.5, doubt_weight=2.0)
    output = segmenter_output()
    features = detector.features(output)
    correct, wrong, outlier = detector.joint(features).log_softmax(1).unbind(1)
    doubt = (1 - output.logits.double().softmax(1).amax(1)).log().float()
    energy = output.logits.logsumexp(1)
    scores = detector(output)
    expected_ood = outlier - torch.logaddexp(correct, wrong) - 0.5 * energy
    assert torch.allclose(scores.ood, expected_ood, atol=1e-3)
    assert torch.allclose(scores.idm, wrong - correct + 2 * doubt, atol=1e-3)


def test_flow_and_ablation_have_equal_inputs_and_size():
    flow, plain = (ready_detector(variant) for variant in VARIANTS)
    output = segmenter_output()
    for ours, theirs in zip(flow.features(output), plain.features(output), strict=True):
        assert torch.equal(ours, theirs)
    assert parameter_count(plain) == pytest.approx(parameter_count(flow), rel=0.01)


def test_parameters_stay_within_two_percent_of_a_small_segmenter():
    shape = DetectorConfig('flowenedet', 19, embedding_channels=128, deep_channels=320)
    assert parameter_count(build_detector(shape)) <= 25_000


def test_features_are_bounded(detector):
    output = segmenter_output()
    output.logits[0, 0] = 1e20
    features = detector.features(output)
    assert features.fine.shape[1] == VARIABLES
    assert features.fine.abs().max() <= 8
    assert features.coarse.abs().max() <= 8 + 1e-3


@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize('part', ['logits', 'embedding', 'deep'])
def test_values_that_are_not_finite_give_finite_scores(detector, part, value):
    output = segmenter_output()
    getattr(output, part)[1, 1, 2, 4] = value
    scores = detector(output)
    assert torch.isfinite(scores.idm).all()
    assert torch.isfinite(scores.ood).all()
    assert scores.nonfinite.tolist() == [0, int(part == 'logits')]
    assert scores.nonfinite.dtype is torch.int32


def test_a_pixel_that_is_not_finite_is_as_doubtful_as_equal_logits(detector):
    output = segmenter_output()
    output.logits[0, :, 4, 5] = math.nan
    equal = output._replace(logits=torch.where(output.logits.isnan(), 0, output.logits))
    assert torch.allclose(detector(output).idm, detector(equal).idm, atol=1e-5)


def test_class_mixture_is_high_along_borders_alone():
    classes = torch.zeros(1, 3, 12, 20)
    classes[:, 0, :, :10] = 1
    classes[:, 2, :, 10:] = 1
    near, wide = class_mixture(classes)[0]
    assert near[:, 9:11].min() > 0.4
    assert near[:, :9].abs().max() < 1e-6
    assert near[:, 11:].abs().max() < 1e-6
    assert wide[:, 7:13].min() > 0
    assert wide[:, :7].abs().max() < 1e-6


def test_works_from_the_logits_alone():
    detector = build_detector(DetectorConfig('flowenedet', CLASSES))
    output = segmenter_output()._replace(embedding=None, deep=None)
    detector.fit_normalisation([output])
    assert torch.isfinite(detector(output).ood).all()
    # What the segmenter gives beyond the configuration is not read.
    assert torch.equal(detector(segmenter_output()).ood, detector(output).ood)


@pytest.mark.parametrize(
    ('part', 'channels'), [('logits', CLASSES), ('embedding', EMBEDDING), ('deep', DEEP)]
)
def test_another_segmenter_is_refused(part, channels):
    output = segmenter_output()
    other = output._replace(**{part: torch.zeros(2, channels + 1, 24, 32)})
    with pytest.raises(DetectorError, match=rf'{channels} channels and got {channels + 1}'):
        ready_detector('flowenedet')(other)
    if part != 'logits':
        with pytest.raises(DetectorError, match='got nothing'):
            ready_detector('flowenedet')(output._replace(**{part: None}))


@pytest.mark.parametrize(('height', 'width'), [(23, 31), (24, 31), (17, 40)])
def test_odd_sizes(detector, height, width):
    scores = detector(segmenter_output(height, width))
    assert scores.ood.shape == (2, height, width)
    assert torch.isfinite(scores.ood).all()


@pytest.mark.parametrize('rows', [3, 5, 12, 24])
def test_deeper_maps_of_any_stride(detector, rows):
    output = segmenter_output()
    columns = {3: 4, 5: 8, 12: 16, 24: 32}[rows]
    scores = detector(output._replace(deep=torch.randn(2, DEEP, rows, columns)))
    assert torch.isfinite(scores.ood).all()


def test_outputs_kept_as_float16_give_the_same_scores(detector):
    output = segmenter_output()
    exact = detector(output)
    rounded = detector(type(output)(*(part.half() for part in output)))
    assert (exact.idm - rounded.idm).abs().max() < 0.1
    assert (exact.ood - rounded.ood).abs().max() < 0.1


def test_a_crop_scores_like_its_place_in_the_image(detector):
    output = segmenter_output(96, 96)
    whole = detector(output).ood
    crop = output._replace(
        logits=output.logits[..., 16:80, 24:88],
        embedding=output.embedding[..., 16:80, 24:88],
        deep=output.deep[..., 4:20, 6:22],
    )
    inside = slice(24, 40)
    expected = whole[:, 16 + 24 : 16 + 40, 24 + 24 : 24 + 40]
    assert torch.allclose(detector(crop).ood[:, inside, inside], expected, atol=1e-4)


def test_gradients_reach_every_parameter(detector):
    target = torch.randint(0, 3, (2, 24, 32))
    features = detector.features(segmenter_output())
    likelihood = 0.1 if detector.is_density else 0.0
    concurrent_loss(detector.joint(features), target, likelihood=likelihood).backward()
    for name, parameter in detector.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_learns_three_kinds_of_pixels(detector):
    output = segmenter_output(48, 48)
    # Outliers show in the embedding, errors in the odds of the first class.
    outlier = torch.zeros(2, 48, 48, dtype=torch.bool)
    outlier[:, 8:24, 8:24] = True
    output.embedding[:, :4] += 3 * outlier[:, None]
    detector.fit_normalisation([output])
    features = detector.features(output)
    wrong = features.fine[:, 2] < -0.5
    target = torch.where(outlier, 2, wrong.long())
    optimiser = torch.optim.AdamW(detector.parameters(), lr=0.02)
    for _ in range(80):
        optimiser.zero_grad()
        loss = concurrent_loss(detector.joint(features), target)
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        found = detector.joint(features).argmax(1)
    assert (found == target).float().mean() > 0.9


def test_density_is_low_where_energies_are_unlike_any_seen():
    detector = ready_detector('flowenedet')
    output = segmenter_output(48, 48)
    detector.fit_normalisation([output])
    features = detector.features(output)
    optimiser = torch.optim.AdamW(detector.parameters(), lr=0.02)
    for _ in range(60):
        optimiser.zero_grad()
        (-detector.log_density(features).mean()).backward()
        optimiser.step()
    with torch.no_grad():
        usual = detector.log_density(features)
        strange = detector.log_density(features._replace(fine=features.fine + 4))
    assert strange.median() < usual.quantile(0.05)


def test_normalisation_needs_finite_pixels():
    detector = build_detector(config('flowenedet'))
    with pytest.raises(DetectorError, match='at least one training image'):
        detector.fit_normalisation([])
    output = segmenter_output()
    output.logits.fill_(math.nan)
    with pytest.raises(DetectorError, match='finite'):
        detector.fit_normalisation([output])
