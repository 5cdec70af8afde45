"""Pasted outliers are labelled exactly, repeatable, varied, and leave the inputs alone."""

import cv2
import numpy as np
import pytest

from flowenedet_ros.data.classes import KNOWN, OUTLIER
from flowenedet_ros.data.composites import OutlierPaster
from flowenedet_ros.data.errors import DataError
from flowenedet_ros.data.folder import LabelledFolder
from flowenedet_ros.data.outliers.cutouts import (
    Cutout,
    drawn_cutout,
    ground_patch,
    known_cutouts,
    load_cutouts,
    rotate,
    void_cutouts,
)
from flowenedet_ros.data.outliers.shapes import SHAPES

ROAD = 3


@pytest.fixture
def street():
    image = np.full((240, 320, 3), 110, np.uint8)
    labels = np.zeros((240, 320), np.uint8)
    labels[120:] = ROAD
    return image, labels


def test_labels_change_only_to_outlier_and_the_inputs_not_at_all(street):
    image, labels = street
    before = image.copy(), labels.copy()
    paster = OutlierPaster(ground=(ROAD,))
    rng = np.random.default_rng(3)
    shares = []
    for _ in range(40):
        pasted, outlier = paster(rng, image, labels)
        changed = outlier != labels
        assert (outlier[changed] == OUTLIER).all()
        assert pasted.dtype == outlier.dtype == np.uint8
        shares.append(changed.mean())
    assert np.array_equal(image, before[0])
    assert np.array_equal(labels, before[1])
    assert 0.003 < np.median(shares) < 0.2
    assert max(shares) > 10 * np.median(shares) / 3, 'sizes are spread'


def test_what_is_labelled_is_what_was_pasted(street):
    image, labels = street
    solid = Cutout(np.full((64, 64, 3), (0, 0, 255), np.uint8), np.ones((64, 64), np.float32))
    paster = OutlierPaster([[solid]], [solid])
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(40):
        pasted, outlier = paster(rng, image, labels)
        red = pasted[..., 2].astype(int) - pasted[..., 0] > 60
        hits.append((outlier[red] == OUTLIER).mean() if red.any() else 1)
    assert np.mean(hits) > 0.95


def test_a_generator_state_decides_everything(street):
    paster = OutlierPaster(donors=[street[0]], ground=(ROAD,))
    first = [paster(np.random.default_rng(seed), *street) for seed in range(4)]
    again = [paster(np.random.default_rng(seed), *street) for seed in range(4)]
    for (image, labels), (image_again, labels_again) in zip(first, again, strict=True):
        assert np.array_equal(image, image_again)
        assert np.array_equal(labels, labels_again)
    assert not np.array_equal(first[0][1], first[1][1])


def test_most_objects_stand_on_the_ground(street):
    paster = OutlierPaster(ground=(ROAD,))
    image, labels = street
    labels[:, :160] = 0
    rng = np.random.default_rng(1)
    heat = np.zeros(labels.shape)
    for _ in range(240):
        heat += paster(rng, image, labels)[1] == OUTLIER
    assert heat[:, 160:].sum() > 2 * heat[:, :160].sum()
    assert heat[120:].sum() > heat[:60].sum() * 4


@pytest.mark.parametrize('size', [(40, 50), (480, 120), (64, 512)])
def test_any_picture_size_works(size):
    rng = np.random.default_rng(2)
    for _ in range(10):
        image, labels = OutlierPaster()(rng, np.zeros((*size, 3), np.uint8), np.zeros(size, 'u1'))
        assert image.shape == (*size, 3)
        assert labels.shape == size


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('size', [40, 131])
def test_every_shape_covers_some_of_its_canvas_with_sane_light(shape, size):
    for seed in range(10):
        drawn = shape(np.random.default_rng(seed), size)
        assert drawn.alpha.shape == drawn.shade.shape == drawn.material.shape
        assert 0.02 < drawn.alpha.mean() <= 1
        assert np.isfinite(drawn.shade).all()
        assert 0 <= drawn.material.min() <= drawn.material.max() <= 1


def test_drawn_objects_differ():
    rng = np.random.default_rng(0)
    colors = [drawn_cutout(rng, 60).image.reshape(-1, 3).mean(0) for _ in range(30)]
    assert np.std(colors, axis=0).min() > 20


def test_a_turned_cutout_keeps_its_area_and_loses_empty_rims():
    block = Cutout(np.full((20, 60, 3), 9, np.uint8), np.ones((20, 60), np.float32))
    turned = rotate(block, 90)
    assert abs(turned.alpha.shape[0] - 60) <= 2
    assert turned.alpha.sum() == pytest.approx(1200, rel=0.05)


def test_void_regions_are_cut_out_but_not_borders_slivers_or_the_background():
    image = np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)
    labels = np.zeros((200, 300), np.uint8)
    labels[90:130, 100:140] = 255
    labels[150:200, 0:300] = 255
    labels[20:22, 10:200] = 255
    labels[40:80, 200:240] = 255
    (cutout,) = void_cutouts(image, labels)
    assert cutout.alpha.sum() == pytest.approx(38 * 38)
    assert np.array_equal(cutout.image[20, 20], image[90 + 20, 100 + 20])


def test_known_things_are_pasted_too_and_labelled_as_such(street):
    image, labels = street
    blue = Cutout(np.full((64, 64, 3), (255, 0, 0), np.uint8), np.ones((64, 64), np.float32))
    red = Cutout(np.full((64, 64, 3), (0, 0, 255), np.uint8), np.ones((64, 64), np.float32))
    paster = OutlierPaster([[red]], [red], ground=(ROAD,), known=[blue])
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(40):
        pasted, marks = paster(rng, image, labels)
        assert set(np.unique(marks)) <= {0, ROAD, KNOWN, OUTLIER}
        is_blue = pasted[..., 0].astype(int) - pasted[..., 2] > 100
        if is_blue.any():
            hits.append((marks[is_blue] == KNOWN).mean())
    assert len(hits) > 20
    assert np.median(hits) > 0.9


def test_rendered_traffic_is_larger_than_cut_out_things_and_these_than_patches(street):
    image, labels = street
    solid = Cutout(np.full((120, 60, 3), 200, np.uint8), np.ones((120, 60), np.float32))
    heights = []
    for given in ({'rendered': [solid]}, {'known': [solid]}, {'patches': [solid]}):
        paster = OutlierPaster(ground=(ROAD,), **given)
        rng = np.random.default_rng(0)
        marks = [paster(rng, image, labels)[1] == KNOWN for _ in range(60)]
        heights.append(np.mean([mark.any(axis=1).mean() for mark in marks]))
    assert heights[0] > 1.5 * heights[1] > 1.5 * heights[2]


def test_a_folder_of_few_objects_is_pasted_as_often_as_one_of_many(street):
    image, labels = street
    blue, red = (
        Cutout(np.full((64, 64, 3), color, np.uint8), np.ones((64, 64), np.float32))
        for color in ((255, 0, 0), (0, 0, 255))
    )
    paster = OutlierPaster([[blue], [red] * 50])
    rng = np.random.default_rng(0)
    reds, blues = 0, 0
    for _ in range(200):
        pasted, _ = paster(rng, image, labels)
        excess = pasted[..., 2].astype(int) - pasted[..., 0]
        reds += (excess > 60).sum() > 20
        blues += (excess < -60).sum() > 20
    assert 0.6 < reds / blues < 1.6


def test_known_things_are_cut_out_whole_and_ground_from_the_ground_alone():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (200, 300, 3), np.uint8)
    labels = np.zeros((200, 300), np.uint8)
    labels[100:] = ROAD
    labels[90:130, 100:140] = 8
    (car,) = known_cutouts(image, labels, (8,))
    assert car.alpha.sum() == 40 * 40
    image[labels == ROAD] = 200
    image[labels != ROAD] = 10
    patches = [ground_patch(rng, image, labels, (ROAD,)) for _ in range(20)]
    found = [patch for patch in patches if patch is not None]
    assert len(found) > 10
    assert all((patch.image[patch.alpha > 0.1] == 200).all() for patch in found)
    assert ground_patch(rng, image, np.zeros_like(labels), (ROAD,)) is None


def test_cutouts_are_read_in_order_and_bad_ones_named(tmp_path):
    rgba = np.zeros((12, 8, 4), np.uint8)
    rgba[2:10, 1:7] = 255
    cv2.imwrite(str(tmp_path / 'b.png'), rgba)
    cv2.imwrite(str(tmp_path / 'a.png'), rgba[:, :6])
    assert [c.alpha.shape for c in load_cutouts(tmp_path)] == [(8, 5), (8, 6)]
    cv2.imwrite(str(tmp_path / 'c.png'), rgba[..., :3])
    with pytest.raises(DataError, match=r'c\.png.*RGBA'):
        load_cutouts(tmp_path)
    with pytest.raises(DataError, match='no such folder'):
        load_cutouts(tmp_path / 'none')


def test_real_cutouts_and_voids_are_pasted(real_data):
    cutouts = load_cutouts(real_data / 'objects_coco')
    sample = LabelledFolder(real_data / 'camvid' / 'train', 'camvid')[0]
    voids = void_cutouts(sample.image, sample.labels)
    paster = OutlierPaster([cutouts], voids, [sample.image], ground=(3, 4))
    rng = np.random.default_rng(0)
    assert any((paster(rng, sample.image, sample.labels)[1] == OUTLIER).any() for _ in range(5))


def test_a_tiny_frame_has_no_room_for_a_patch_of_ground():
    labels = np.full((8, 40), ROAD, np.uint8)
    image = np.zeros((8, 40, 3), np.uint8)
    assert ground_patch(np.random.default_rng(0), image, labels, [ROAD]) is None
