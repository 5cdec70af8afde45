"""What every segmenter promises to the rest of the package."""

import pytest
import torch
from formula_weights import formula_image, formula_state

from flowenedet_ros.data.classes import CITYSCAPES_CLASSES
from flowenedet_ros.segmenters.build import ARCHITECTURES, build_network
from flowenedet_ros.segmenters.errors import SegmenterError
from flowenedet_ros.segmenters.registry import freeze
from flowenedet_ros.segmenters.segformer import SegFormer
from flowenedet_ros.segmenters.sliding import SlidingWindow, window_starts

SMALL = ['deeplabv3plus_efficientnet-lite0', 'deeplabv3plus_mobilenetv2', 'segformer_b0']


def network(name):
    built = build_network(name, 19)
    shapes = {key: tuple(value.shape) for key, value in built.state_dict().items()}
    built.load_state_dict(formula_state(shapes))
    return built


@pytest.mark.parametrize('name', SMALL)
def test_train_changes_nothing(name):
    frozen = freeze(name, network(name), CITYSCAPES_CLASSES, (64, 96))
    images = formula_image(64, 96)
    before = frozen(images)
    state = {key: value.clone() for key, value in frozen.state_dict().items()}

    frozen.train()
    outputs = [frozen(images), frozen(images * 3), frozen(images)]

    assert not any(module.training for module in frozen.modules())
    assert all(torch.equal(a, b) for a, b in zip(before, outputs[2], strict=True))
    assert all(torch.equal(state[key], value) for key, value in frozen.state_dict().items())


@pytest.mark.parametrize('name', SMALL)
def test_no_gradient_is_taken(name):
    frozen = freeze(name, network(name), CITYSCAPES_CLASSES, (64, 96))
    images = formula_image(64, 96).requires_grad_()
    assert not any(maps.requires_grad for maps in frozen(images))
    assert not any(parameter.requires_grad for parameter in frozen.parameters())


@pytest.mark.parametrize('name', ARCHITECTURES)
def test_sizes_are_known_without_running(name):
    with torch.device('meta'):
        frozen = freeze(name, build_network(name, 19), CITYSCAPES_CLASSES, (90, 130))
        output = frozen(torch.zeros(2, 3, 90, 130))
    spec = frozen.spec
    assert output.logits.shape == (2, 19, *spec.logit_size)
    assert output.embedding.shape == (2, spec.embedding_channels, *spec.logit_size)
    deep = [-(-side // spec.deep_stride) for side in (90, 130)]
    assert output.deep.shape == (2, spec.deep_channels, *deep)


@pytest.mark.parametrize('name', SMALL)
def test_embedding_is_what_the_classifier_sees(name):
    built = network(name).eval()
    output = freeze(name, built, CITYSCAPES_CLASSES)(formula_image(64, 96))
    with torch.no_grad():
        logits = built.decode_head.conv_seg(output.embedding)
    assert (logits - output.logits).abs().max() < 1e-5


@pytest.mark.parametrize('kind', ['mmseg', 'hf'])
def test_folding_the_head_changes_nothing(kind):
    built = ARCHITECTURES['segformer_b0'].build(19, kind=kind)
    shapes = {key: tuple(value.shape) for key, value in built.state_dict().items()}
    built.load_state_dict(formula_state(shapes))
    built.eval()
    images = formula_image(72, 104)
    with torch.no_grad():
        expected = built(images)
        built.fold()
        folded = built(images)
    for before, after in zip(expected, folded, strict=True):
        assert (before - after).abs().max() < 2e-6 * before.abs().max() + 1e-6


def test_freezing_leaves_the_network_trainable():
    built = build_network('segformer_b0', 19).train()
    assert isinstance(built, SegFormer)
    freeze('segformer_b0', built, CITYSCAPES_CLASSES)
    assert built.training
    output = built(formula_image(64, 64).repeat(2, 1, 1, 1))
    output[0].sum().backward()
    assert all(parameter.grad is not None for parameter in built.parameters())


@pytest.mark.parametrize(
    ('length', 'size', 'step', 'starts'),
    [
        (2048, 1024, 768, [0, 768, 1024]),
        (1024, 1024, 768, [0]),
        (512, 1024, 768, [0]),
        (1792, 1024, 768, [0, 768]),
        (1793, 1024, 768, [0, 768, 769]),
    ],
)
def test_windows_cover_the_image_as_mmsegmentation_places_them(length, size, step, starts):
    assert window_starts(length, size, step) == starts


def test_one_window_that_fits_equals_the_whole_image():
    built = network('segformer_b0')
    images = formula_image(64, 96)
    whole = freeze('segformer_b0', built, CITYSCAPES_CLASSES, (64, 96))(images)
    window = SlidingWindow((64, 96), (48, 48))
    slid = freeze('segformer_b0', built, CITYSCAPES_CLASSES, (64, 96), window)(images)
    assert all(torch.equal(a, b) for a, b in zip(whole, slid, strict=True))


def test_overlapping_windows_are_averaged():
    built = network('segformer_b0')
    images = formula_image(64, 96)
    window = SlidingWindow((64, 64), (32, 32))
    slid = freeze('segformer_b0', built, CITYSCAPES_CLASSES, (64, 96), window)(images)
    plain = freeze('segformer_b0', built, CITYSCAPES_CLASSES, (64, 64))
    left, right = plain(images[..., :64]), plain(images[..., 32:])
    assert torch.equal(slid.logits[..., :8], left.logits[..., :8])
    assert torch.equal(slid.logits[..., 16:], right.logits[..., 8:])
    middle = (left.logits[..., 8:16] + right.logits[..., :8]) / 2
    assert torch.allclose(slid.logits[..., 8:16], middle)
    assert slid.deep.shape == (1, 160, 4, 6)
    classified = built.decode_head.conv_seg(slid.embedding)
    assert (classified - slid.logits).abs().max() < 1e-5


def test_windows_off_the_stride_are_refused():
    built = build_network('segformer_b0', 19)
    with pytest.raises(SegmenterError, match='multiples of 16'):
        freeze(
            'segformer_b0', built, CITYSCAPES_CLASSES, window=SlidingWindow((100, 100), (48, 48))
        )
    frozen = freeze('segformer_b0', built, CITYSCAPES_CLASSES, window=SlidingWindow())
    with pytest.raises(SegmenterError, match='multiples of 16, got 100x64'):
        frozen(torch.zeros(1, 3, 64, 100))
