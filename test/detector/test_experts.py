"""Two experts judge alone, and what the encoder's one finds odd counts for less."""

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

    def prior(first, second):
        heard = context.clone()
        heard[:, : WIDTH // 2] *= first
        heard[:, WIDTH // 2 :] *= second
        return detector.condition(heard, size).prior[:, 2]

    silence = prior(0, 0)
    both, one, other = prior(1, 1) - silence, prior(1, 0) - silence, prior(0, 1) - silence
    torch.testing.assert_close(both, one + other)
    detector.condition.train()
    torch.testing.assert_close(other, 0.4 * (prior(0, 1) - silence))
    torch.testing.assert_close(one, 1.6 * (prior(1, 0) - silence))


def test_training_hears_either_alone_too():
    detector = ready_detector('flowenedet', width=WIDTH).train()
    features = detector.features(segmenter_output())
    torch.manual_seed(0)
    with torch.no_grad():
        heard = {round(float(detector.joint(features).sum()), 2) for _ in range(40)}
    assert len(heard) > 3
    detector.eval()
    assert torch.equal(detector.joint(features), detector.joint(features))


def test_without_a_deeper_map_there_is_one_expert():
    detector = ready_detector('flowenedet', width=WIDTH, deep_channels=None).train()
    features = detector.features(segmenter_output())
    assert torch.equal(detector.joint(features), detector.joint(features))
