import torch

from flowenedet_ros.detector.postprocess import SmlPostprocess, class_borders, suppress


def two_halves(size=40):
    labels = torch.zeros(1, size, size, dtype=torch.long)
    labels[:, :, size // 2 :] = 1
    return labels


def test_borders_are_where_classes_meet():
    border = class_borders(two_halves()[:, None].float())[0, 0]
    assert border[:, 19:21].all()
    assert border.sum() == 80


def test_a_class_edge_does_not_stay_suspicious():
    labels = two_halves()
    scores = torch.full((1, 40, 40), 0.1)
    scores[:, :, 18:22] = 0.9
    smoothed = SmlPostprocess()(scores, labels)
    assert smoothed.max() < 0.2


def test_constant_scores_stay():
    scores = torch.full((2, 31, 45), 0.7)
    labels = torch.randint(0, 4, (2, 31, 45))
    assert torch.allclose(SmlPostprocess()(scores, labels), scores, atol=1e-5)


def test_an_image_of_nothing_but_borders_keeps_its_scores():
    x = torch.rand(1, 1, 9, 9)
    assert torch.equal(suppress(x, torch.ones_like(x)), x)


def test_suppression_averages_what_is_off_the_border():
    x = torch.arange(9.0).view(1, 1, 3, 3)
    border = torch.tensor([[0.0, 1, 0], [0, 1, 0], [0, 1, 0]]).view(1, 1, 3, 3)
    assert suppress(x, border)[0, 0, 1, 1].item() == (0 + 2 + 3 + 5 + 6 + 8) / 6


def test_reach_shrinks_with_the_stride():
    scores = torch.zeros(1, 81, 81)
    scores[:, 40, 40] = 1
    labels = torch.zeros(1, 81, 81, dtype=torch.long)
    reach = {}
    for stride in (4, 8):
        touched = SmlPostprocess(stride)(scores, labels)[0, 40] > 0
        reach[stride] = touched.nonzero().max().item() - 40
    assert reach == {4: 18, 8: 9}
