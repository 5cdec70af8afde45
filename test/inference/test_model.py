"""What a loaded model makes of camera images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tiny_bundle import smooth_image, write_tiny_bundle

from flowenedet_ros.inference import FrameError, Model, Thresholds, load_bundle


@pytest.fixture(scope='module')
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = write_tiny_bundle(tmp_path_factory.mktemp('tiny'), nan_on_black=True)
    return load_bundle(folder, backend='onnxruntime')


@pytest.mark.parametrize(
    ('image', 'message'),
    [
        (np.zeros((4, 4, 3), np.float32), 'float32: uint8 was expected'),
        (np.zeros((4, 4), np.uint8), r'shape \(4, 4\)'),
        (np.zeros((4, 4, 4), np.uint8), r'shape \(4, 4, 4\)'),
        (np.zeros((0, 4, 3), np.uint8), 'sides of 1 to'),
        (np.zeros((4, 20000, 3), np.uint8), 'sides of 1 to'),
        ([[1, 2, 3]], 'list: a numpy array'),
    ],
)
def test_other_arrays_are_refused(model: Model, image: object, message: str) -> None:
    with pytest.raises(FrameError, match=message):
        model.run(image)
    assert model.run(smooth_image(90, 120)).nonfinite == 0


def test_non_contiguous_arrays_are_read_correctly(model: Model) -> None:
    image = smooth_image(120, 200)
    turned = image[:, ::-1]
    assert not turned.flags.c_contiguous
    expected = model.run(turned.copy())
    assert np.array_equal(model.run(turned).labels, expected.labels)
    padded = np.zeros((120, 256, 3), np.uint8)
    padded[:, :200] = image
    assert np.array_equal(model.run(padded[:, :200]).labels, model.run(image).labels)


def test_contiguous_images_are_not_copied(model: Model) -> None:
    from flowenedet_ros.inference.frames import check_frame, stack_frames

    image = smooth_image(72, 128)
    assert np.shares_memory(stack_frames([check_frame(image)]), image)


@settings(max_examples=25)
@given(height=st.integers(1, 200), width=st.integers(1, 200), seed=st.integers(0, 99))
def test_any_size_gives_the_networks_size(model: Model, height: int, width: int, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    perception = model.run(image)
    assert perception.labels.shape == perception.idm_mask.shape == (96, 128)
    for score in (perception.idm_score, perception.ood_score):
        assert score.shape == (24, 32)
        assert score.min() >= 0
        assert score.max() <= 1


def test_thresholds_act_on_the_next_frame(model: Model) -> None:
    image = smooth_image(90, 120)
    try:
        model.thresholds = Thresholds(idm=0.0, ood=1.0)
        perception = model.run(image)
        assert perception.idm_mask.min() == 255
        assert perception.ood_mask.max() == 0
    finally:
        model.thresholds = Thresholds(0.5, 0.5)


@pytest.mark.parametrize('value', [float('nan'), -0.1, 1.1, float('inf')])
def test_impossible_thresholds_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match='threshold ood'):
        Thresholds(0.5, value)


def test_batch_gives_what_single_images_give(model: Model) -> None:
    images = [smooth_image(90, 120, seed) for seed in range(3)]
    for together, alone in zip(model.run_batch(images), map(model.run, images), strict=True):
        assert np.array_equal(together.labels, alone.labels)
        np.testing.assert_allclose(together.ood_score, alone.ood_score, atol=1e-5)


def test_batch_of_several_sizes(model: Model) -> None:
    perceptions = model.run_batch([smooth_image(90, 120), smooth_image(50, 60)])
    assert [item.labels.shape for item in perceptions] == [(96, 128)] * 2
    assert model.run_batch([]) == []


def test_nan_logits_are_counted_and_give_finite_scores(model: Model) -> None:
    image = smooth_image(96, 128).clip(1)
    image[:32] = 0
    perception = model.run(image)
    assert perception.nonfinite > 0
    assert np.isfinite(perception.ood_score).all()
    assert np.isfinite(perception.idm_score).all()


def test_stage_times_are_disjoint_and_named(model: Model) -> None:
    times = model.run(smooth_image(720, 1280)).stage_ms
    assert set(times) == {'pre', 'backend', 'post'}
    assert all(value >= 0 for value in times.values())


def test_earlier_results_survive_later_frames(model: Model) -> None:
    first = model.run(smooth_image(90, 120, 1))
    kept = first.labels.copy()
    model.run(smooth_image(90, 120, 2))
    assert np.array_equal(first.labels, kept)
