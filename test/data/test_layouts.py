"""Benchmarks are found in the layouts that their owners publish."""

import cv2
import numpy as np
import pytest

from flowenedet_ros.data.errors import DataError
from flowenedet_ros.data.layouts import (
    open_fishyscapes,
    open_ood,
    open_segment_me_if_you_can,
    open_semantic,
)


def write(path, ids=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    if ids is None:
        array = np.full((16, 24, 3), 90, np.uint8)
    else:
        array = np.resize(np.array(ids, np.uint8), (16, 24))
    assert cv2.imwrite(str(path), array)


def found(data):
    return sorted(set(np.unique([sample.labels for sample in data]).tolist()))


def city(root, name, truth, ids, split='val'):
    place, _, _ = name.partition('_0')
    write(root / 'leftImg8bit' / split / place / f'{name}_leftImg8bit.png')
    write(root / truth[0] / split / place / f'{name}_{truth[1]}.png', ids)


def test_cityscapes_in_train_ids_and_in_its_own_ids(tmp_path):
    for index in (3, 1, 2):
        name = f'munster_00000{index}_000019'
        city(tmp_path / 'train_ids', name, ('gtFine', 'gtFine_labelTrainIds'), [0, 10, 18, 255])
        city(tmp_path / 'own_ids', name, ('gtFine', 'gtFine_labelIds'), [7, 23, 33, 3])
    for root in ('train_ids', 'own_ids'):
        data = open_semantic(tmp_path / root)
        assert data.layout == 'cityscapes'
        assert data.names == [f'munster_00000{index}_000019' for index in (1, 2, 3)]
        assert found(data) == [0, 10, 18, 255]


def test_train_ids_win_where_both_are_there_and_splits_are_kept_apart(tmp_path):
    city(tmp_path, 'ulm_000001_000019', ('gtFine', 'gtFine_labelTrainIds'), [0, 1])
    city(tmp_path, 'ulm_000001_000019', ('gtFine', 'gtFine_labelIds'), [7, 8])
    city(tmp_path, 'jena_000002_000019', ('gtFine', 'gtFine_labelTrainIds'), [2], 'train')
    assert open_semantic(tmp_path).names == ['ulm_000001_000019']
    assert found(open_semantic(tmp_path)) == [0, 1]
    assert open_semantic(tmp_path, 'train').names == ['jena_000002_000019']


@pytest.mark.parametrize('labels', ['labels', 'labels_trainIds'])
def test_plain_folders(tmp_path, labels):
    write(tmp_path / 'images' / 'a.jpg')
    write(tmp_path / labels / 'a.png', [0, 1, 255])
    assert open_ood(tmp_path).layout == open_semantic(tmp_path).layout == 'plain'


def test_the_tracks_of_segment_me_if_you_can_leave_out_their_secret_test(tmp_path):
    anomaly, obstacle = tmp_path / 'dataset_AnomalyTrack', tmp_path / 'dataset_ObstacleTrack'
    for index in range(2):
        write(anomaly / 'images' / f'validation000{index}.jpg')
        write(anomaly / 'labels_masks' / f'validation000{index}_labels_semantic.png', [0, 1, 255])
        write(anomaly / 'labels_masks' / f'validation000{index}_labels_semantic_color.png')
        write(obstacle / 'images' / f'validation_{index}.webp')
        write(obstacle / 'labels_masks' / f'validation_{index}_labels_semantic.png', [0, 1, 255])
    write(anomaly / 'images' / 'airplane0000.jpg')
    tracks = open_segment_me_if_you_can(tmp_path)
    assert list(tracks) == ['anomaly_track', 'obstacle_track']
    assert tracks['anomaly_track'].names == ['validation0000', 'validation0001']
    assert tracks['obstacle_track'].names == ['validation_0', 'validation_1']
    assert found(tracks['anomaly_track']) == [0, 1, 255]
    assert list(open_segment_me_if_you_can(obstacle)) == ['obstacle_track']


def test_lost_and_found_without_known_objects(tmp_path):
    root, truth = tmp_path / 'dataset_LostAndFound', ('gtCoarse', 'gtCoarse_labelIds')
    city(root, '02_Hanns_Klemm_Str_44_000000_000200', truth, [0, 1, 2, 35, 200, 255], 'test')
    city(root, '15_Rechbergstr_Deckenpfronn_000000_000100', truth, [1], 'test')
    city(root, '01_Hanns_Klemm_Str_45_000006_000100', truth, [1], 'test')
    city(root, '10_Schlossberg_9_000004_000100', truth, [1], 'test')
    city(root, '10_Schlossberg_9_000003_000100', truth, [1], 'test')
    data = open_segment_me_if_you_can(tmp_path)['lost_and_found_no_known']
    assert data.names == ['02_Hanns_Klemm_Str_44_000000_000200', '10_Schlossberg_9_000003_000100']
    labels = data[0].labels.ravel()[:6].tolist()
    assert labels == [255, 0, 1, 1, 1, 255]


def test_road_anomaly_in_its_own_layout(tmp_path):
    frames = tmp_path / 'RoadAnomaly_jpg' / 'frames'
    write(frames / 'animals01.jpg')
    write(frames / 'animals01.labels' / 'labels_semantic.png', [0, 2])
    data = open_segment_me_if_you_can(tmp_path)['road_anomaly']
    assert data.layout == 'road-anomaly'
    assert found(data) == [0, 1]


def test_fishyscapes_as_cityscapes_trees_and_as_masks_beside_lost_and_found(tmp_path):
    trees = tmp_path / 'trees'
    for part in ('FsValLF', 'FsValV3Static'):
        name = 'frankfurt_000000_000294'
        city(trees / part, name, ('gtFine', 'gtFine_labelTrainIds'), [0, 1, 255])
    assert {name: found(data) for name, data in open_fishyscapes(trees).items()} == {
        'lost_and_found': [0, 1, 255],
        'static': [0, 1, 255],
    }
    own = tmp_path / 'own'
    name = '04_Maurener_Weg_8_000000_000030'
    write(own / 'leftImg8bit' / 'test' / '04_Maurener_Weg_8' / f'{name}_leftImg8bit.png')
    write(own / 'fishyscapes_lostandfound' / f'0000_{name}_labels.png', [0, 1, 255])
    data = open_ood(own)
    assert data.layout == 'fishyscapes-lost-and-found'
    assert data.names == [name]


def test_other_ids_than_the_task_allows_are_named_with_their_file(tmp_path):
    write(tmp_path / 'images' / 'a.png')
    write(tmp_path / 'labels' / 'a.png', [0, 1, 7])
    with pytest.raises(DataError, match=r'a\.png: expected labels \[0, 1, 255\], found \[0, 1, 7'):
        open_ood(tmp_path)[0]
    assert open_semantic(tmp_path, classes=11)[0].labels.max() == 7
    with pytest.raises(DataError, match='expected labels'):
        open_semantic(tmp_path, classes=5)[0]


def test_what_was_expected_and_found_is_listed(tmp_path):
    write(tmp_path / 'pictures' / 'a.png')
    with pytest.raises(DataError) as caught:
        open_semantic(tmp_path)
    message = str(caught.value)
    assert 'leftImg8bit/SPLIT/CITY/*_leftImg8bit.png' in message
    assert 'images/STEM.* and labels/STEM.png' in message
    assert 'found: pictures/; pictures/ with a.png' in message
    with pytest.raises(DataError, match=r'dataset_AnomalyTrack/'):
        open_segment_me_if_you_can(tmp_path)
    with pytest.raises(DataError, match='no such folder'):
        open_ood(tmp_path / 'absent')


def test_two_pictures_of_one_name_are_refused(tmp_path):
    write(tmp_path / 'images' / 'a.png')
    write(tmp_path / 'images' / 'a.jpg')
    write(tmp_path / 'labels' / 'a.png', [0])
    with pytest.raises(DataError, match='share one name'):
        open_ood(tmp_path)


def test_the_real_pieces_open(real_data):
    fishyscapes = open_fishyscapes(real_data / 'ood')
    assert {name: len(data) for name, data in fishyscapes.items()} == {
        'lost_and_found': 50,
        'static': 20,
    }
    tracks = open_segment_me_if_you_can(real_data / 'ood')
    assert {name: len(data) for name, data in tracks.items()} == {
        'obstacle_track': 15,
        'road_anomaly': 40,
    }
    assert set(np.unique(tracks['obstacle_track'][0].labels).tolist()) == {0, 1, 255}
    assert len(open_semantic(real_data / 'cityscapes')) == 7
