"""Labelled folders pair files, keep ids exact and say what is wrong with which file."""

import cv2
import numpy as np
import pytest

from flowenedet_ros.data.errors import DataError
from flowenedet_ros.data.folder import LabelledFolder


def write(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), array)


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name, suffix in (('b', '.png'), ('a', '.webp'), ('c', '.jpg')):
        write(tmp_path / 'images' / (name + suffix), rng.integers(0, 255, (24, 32, 3), np.uint8))
        write(tmp_path / 'labels' / f'{name}.png', rng.integers(0, 12, (24, 32), np.uint8))
    (tmp_path / 'images' / 'notes.txt').write_text('not a picture')
    (tmp_path / 'images' / '.hidden.png').write_text('nor this')
    return tmp_path


def test_pairs_come_in_the_order_of_their_names_whatever_the_format(folder):
    data = LabelledFolder(folder)
    assert data.names == ['a', 'b', 'c']
    assert [sample.name for sample in data] == data.names
    assert data[1].image.shape == (24, 32, 3)
    assert data[1].image.dtype == data[1].labels.dtype == np.uint8


def test_labels_are_exact_and_mapped_only_on_demand(folder):
    stored = cv2.imread(str(folder / 'labels' / 'a.png'), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(LabelledFolder(folder)[0].labels, stored)
    mapped = LabelledFolder(folder, 'camvid')[0].labels
    assert np.array_equal(mapped == 255, stored == 11)
    own = np.zeros(256, np.uint8)
    assert not LabelledFolder(folder, own)[0].labels.any()


def test_train_id_folders_and_grey_labels_of_three_channels_are_read(folder):
    (folder / 'labels').rename(folder / 'labels_trainIds')
    grey = np.repeat(np.full((24, 32, 1), 7, np.uint8), 3, axis=2)
    write(folder / 'labels_trainIds' / 'a.png', grey)
    assert (LabelledFolder(folder)[0].labels == 7).all()


def test_a_wrong_folder_is_told_what_was_expected_and_found(tmp_path):
    (tmp_path / 'train').mkdir()
    with pytest.raises(DataError, match=r'expected the folders images/ and labels/.*found train/'):
        LabelledFolder(tmp_path)
    with pytest.raises(DataError, match='no such folder'):
        LabelledFolder(tmp_path / 'nowhere')
    (tmp_path / 'images').mkdir()
    (tmp_path / 'labels').mkdir()
    with pytest.raises(DataError, match='expected pictures, found an empty folder'):
        LabelledFolder(tmp_path)


def test_pictures_without_labels_are_named(folder):
    (folder / 'labels' / 'b.png').unlink()
    with pytest.raises(DataError, match=r'found none for 1: b\.png'):
        LabelledFolder(folder)


def test_two_pictures_of_one_stem_are_refused(folder):
    write(folder / 'images' / 'a.png', np.zeros((24, 32, 3), np.uint8))
    with pytest.raises(DataError, match='share one stem'):
        LabelledFolder(folder)


@pytest.mark.parametrize('name', ['a.webp', 'b.png', 'c.jpg'])
def test_a_truncated_picture_is_reported_with_its_path_and_the_others_still_read(folder, name):
    path = folder / 'images' / name
    path.write_bytes(path.read_bytes()[:-60])
    data = LabelledFolder(folder)
    bad = data.names.index(path.stem)
    with pytest.raises(DataError, match=f'{name}.*cut short'):
        data[bad]
    assert data[(bad + 1) % 3].image.any()


def test_damage_is_reported_with_the_path(folder):
    (folder / 'images' / 'a.webp').write_bytes(b'no picture at all')
    (folder / 'images' / 'b.png').write_bytes(b'')
    write(folder / 'labels' / 'c.png', np.zeros((12, 32), np.uint8))
    data = LabelledFolder(folder)
    with pytest.raises(DataError, match=r'a\.webp: not a picture'):
        data[0]
    with pytest.raises(DataError, match=r'b\.png: the file is empty'):
        data[1]
    with pytest.raises(DataError, match=r'c\.png: labels are 32x12, but c\.jpg is 32x24'):
        data[2]


def test_colours_and_wide_ids_are_no_labels(folder):
    colours = np.zeros((24, 32, 3), np.uint8)
    colours[..., 2] = 128
    write(folder / 'labels' / 'a.png', colours)
    write(folder / 'labels' / 'b.png', np.full((24, 32), 26001, np.uint16))
    with pytest.raises(DataError, match='one channel of ids'):
        LabelledFolder(folder)[0]
    with pytest.raises(DataError, match='8-bit ids, found uint16'):
        LabelledFolder(folder)[1]


def test_real_camvid_reads_with_its_void(real_data):
    data = LabelledFolder(real_data / 'camvid' / 'test', 'camvid')
    assert len(data) == 120
    sample = data[0]
    assert sample.image.shape == (360, 480, 3)
    assert set(np.unique(sample.labels).tolist()) <= {*range(11), 255}
