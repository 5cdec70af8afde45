"""Label conventions agree with each other and with the files they stand for."""

import numpy as np
import pytest

from flowenedet_ros.data.classes import (
    CAMVID_CLASSES,
    CITYSCAPES_CLASSES,
    OUTLIER,
    VOID,
    class_ids,
)
from flowenedet_ros.data.errors import DataError
from flowenedet_ros.data.label_maps import LABEL_MAPS, label_map, prediction_map


@pytest.mark.parametrize('name', LABEL_MAPS)
def test_every_table_keeps_void_and_outliers_and_knows_only_ids_of_its_classes(name):
    table = label_map(name)
    assert table.shape == (256,)
    assert table[VOID] == VOID
    assert table[OUTLIER] == OUTLIER
    classes = 11 if name.endswith('camvid') else 19
    assert set(table.tolist()) - {VOID, OUTLIER} <= set(range(classes))


def test_camvid_survives_the_way_to_cityscapes_and_back():
    there, back = label_map('camvid_to_cityscapes'), label_map('cityscapes_to_camvid')
    assert np.array_equal(back[there][:11], np.arange(11))
    assert there[11] == VOID, '11 is void in the files of CamVid'


def test_cityscapes_classes_merge_into_what_camvid_calls_them():
    cityscapes, camvid = class_ids(CITYSCAPES_CLASSES), class_ids(CAMVID_CLASSES)
    merged = label_map('cityscapes_to_camvid')
    assert merged[cityscapes['wall']] == camvid['building']
    assert merged[cityscapes['traffic light']] == camvid['sign']
    assert merged[cityscapes['terrain']] == camvid['tree']
    assert merged[cityscapes['bus']] == camvid['car']
    assert merged[cityscapes['bicycle']] == camvid['bicyclist']


def test_label_ids_are_those_of_the_cityscapes_ground_truth():
    table = label_map('cityscapes_ids_to_train_ids')
    assert [table[i] for i in (7, 8, 11, 23, 26, 33)] == [0, 1, 2, 10, 13, 18]
    assert all(table[i] == VOID for i in (0, 1, 4, 5, 6, 9, 10, 14, 15, 16, 18, 29, 30, 34))


def test_a_prediction_that_camvid_cannot_name_better_is_no_error():
    cityscapes = class_ids(CITYSCAPES_CLASSES)
    labels = label_map('camvid_to_cityscapes')
    merge = prediction_map('camvid_to_cityscapes')
    building = class_ids(CAMVID_CLASSES)['building']
    assert merge[cityscapes['wall']] == labels[building]
    assert merge[cityscapes['sky']] == cityscapes['sky']
    assert np.array_equal(prediction_map('cityscapes'), np.arange(256))


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(DataError, match=r"'kitti'.*camvid_to_cityscapes"):
        label_map('kitti')
    with pytest.raises(DataError, match='kitti'):
        prediction_map('kitti')


def test_colours_tell_the_classes_apart():
    for classes in (CAMVID_CLASSES, CITYSCAPES_CLASSES):
        assert len({info.color for info in classes}) == len(classes)
