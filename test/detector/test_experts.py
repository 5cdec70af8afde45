"""Two experts judge alone, and what the encoder's one finds odd counts for less."""

import pytest
import torch
from support.detector_samples import ready_detector, segmenter_output

WIDTH = 16


def _context(detector, output):
    return detector.context(detector.features(output))


def test_an_expert_does_not_see_what_the_other_reads():
    detector = ready_detector('flowenedet', width=WIDTH)
    output = segmenter_output()
    context = _context(detector, output)
    other_deep = _context(detector, output._replace(deep=output.deep + 1))
    other_embedding = _context(detector, output._replace(embedding=output.embedding + 1))
    first, second = slice(None, WIDTH // 2), slice(WIDTH // 2, None)
    assert torch.equal(other_deep[:, first], context[:, first])
    assert not torch.allclose(other_deep[:, second], context[:, second])
    assert torch.equal(other_embedding[:, second], context[:, second])
    assert not torch.allclose(other_embedding[:, first], context[:, first])


def test_their_log_odds_add_up_by_their_say():
    detector = ready_detector('flowenedet', width=WIDTH)
    torch.manual_seed(0)
    for weight in detector.condition.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    context = _context(detector, segmenter_output())
    size = (2 * context.shape[2], 2 * context.shape[3])

    def said(first, second):
        heard = context.clone()
        heard[:, : WIDTH // 2] *= first
        heard[:, WIDTH // 2 :] *= second
        silence = detector.condition(torch.zeros_like(context), size, relative=True).prior
        return detector.condition(heard, size, relative=True).prior - silence

    both, one, other = said(1, 1), said(1, 0), said(0, 1)
    torch.testing.assert_close(both, one + other)
    detector.condition.train()
    wrong, outlier = 0, 1
    torch.testing.assert_close(both[:, wrong], said(1, 1)[:, wrong])
    torch.testing.assert_close(one[:, outlier], 1.2 * said(1, 0)[:, outlier])
    torch.testing.assert_close(other[:, outlier], 0.8 * said(0, 1)[:, outlier])


def test_training_hears_either_alone_too():
    detector = ready_detector('flowenedet', width=WIDTH)
    features = detector.features(segmenter_output())
    both = detector.context(features)
    assert torch.equal(both, detector.context(features))
    detector.train()
    torch.manual_seed(0)
    heard = set()
    for _ in range(20):
        pictures = detector.context(features).detach()
        for picture, whole in zip(pictures, both.detach(), strict=True):
            halves = zip(picture.split(WIDTH // 2), whole.split(WIDTH // 2), strict=True)
            heard.add(tuple(round(float(half.sum() / told.sum()), 3) for half, told in halves))
    assert heard == {(1, 1), (2, 0), (0, 2)}


@pytest.mark.parametrize('alone', [{'deep_channels': None}, {'experts': 1}])
def test_one_expert_is_never_silent(alone):
    detector = ready_detector('flowenedet', width=WIDTH, **alone).train()
    features = detector.features(segmenter_output())
    assert torch.equal(detector.joint(features), detector.joint(features))
