"""The four published benchmarks on small folders in their owners' layouts."""

import json

import cv2
import numpy as np
import pytest
from support.tiny_bundle import smooth_image

from flowenedet_ros.cli.main import main
from flowenedet_ros.evaluation import road_data

from .conftest import SIZE, ood_labels

CITY = ('aachen', 'bremen')


def evaluate(tmp_path, *words):
    target = tmp_path / 'out' / 'figures.json'
    status = main(['evaluate', *map(str, words), '--json', str(target)])
    return status, json.loads(target.read_text()) if target.is_file() else None


def write(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), array)


@pytest.fixture
def cityscapes(tmp_path):
    """Give two cities of two frames, train and val, trainIds below 5 and void."""
    random = np.random.default_rng(2)
    for split in ('train', 'val'):
        for city in CITY:
            for frame in range(2):
                stem = f'{city}_00000{frame}_000019'
                coarse = random.integers(0, 6, (6, 8)).astype(np.uint8)
                coarse[coarse == 5] = 255
                labels = cv2.resize(coarse, SIZE[::-1], interpolation=cv2.INTER_NEAREST)
                root = tmp_path / 'cityscapes'
                image = smooth_image(*SIZE, frame)
                write(root / 'leftImg8bit' / split / city / f'{stem}_leftImg8bit.png', image)
                name = f'{stem}_gtFine_labelTrainIds.png'
                write(root / 'gtFine' / split / city / name, labels)
    return tmp_path / 'cityscapes'


def test_cityscapes_with_both_thresholds_of_open_miou(bundle, cityscapes, tmp_path, capsys):
    status, found = evaluate(
        tmp_path, 'cityscapes', '--model', bundle, '--data', cityscapes, '--held-out', 'train'
    )
    assert status == 0
    figures = found['methods']['flowenedet']
    assert found['sets']['val']['images'] == 4
    assert 0 < found['sets']['val']['miou'] < 1
    assert figures['open_miou_threshold_from'] == 'the evaluated labels, as in the paper'
    assert 0 < figures['open_miou_held_out'] <= 1
    assert figures['open_miou_held_out_threshold'] != figures['open_miou_threshold']
    assert {'auroc', 'ap', 'fpr95', 'per_image'} <= figures['idm'].keys()
    assert {'auroc', 'ap', 'fpr95', 'per_image'} <= figures['ood'].keys()
    assert found['miou'] == found['sets']['val']['miou']
    said = capsys.readouterr().out
    assert 'open-mIoU, tuned on test' in said
    assert 'open-mIoU, held-out' in said
    assert f'mIoU {100 * found["miou"]:.2f} %' in said


def test_cityscapes_page_has_figures_by_image_beside_pooled_ones(bundle, cityscapes, tmp_path):
    folder = tmp_path / 'report'
    status, found = evaluate(
        tmp_path, 'cityscapes', '--model', bundle, '--data', cityscapes, '--report', folder
    )
    page = (folder / 'index.html').read_text()
    assert status == 0
    assert '<h3>val, by image</h3>' in page
    by_image = found['methods']['energy']['ood']['per_image']['fpr95']
    assert f'<td>{100 * by_image:.2f}</td>' in page.replace(' class="best"', '')
    # Without a held-out split there is no such column.
    assert 'held-out' not in page


def test_cityscapes_says_what_it_expected_and_found(bundle, tmp_path, capsys):
    (tmp_path / 'empty' / 'stuff').mkdir(parents=True)
    status, _ = evaluate(tmp_path, 'cityscapes', '--model', bundle, '--data', tmp_path / 'empty')
    said = capsys.readouterr().err
    assert status == 2
    assert 'gtFine/SPLIT/CITY/*_gtFine_labelTrainIds.png' in said
    assert 'stuff/' in said


def test_cityscapes_c_is_the_mean_of_its_corruptions(bundle, class_folder, tmp_path):
    pytest.importorskip('imagecorruptions')
    words = ('cityscapes-c', '--model', bundle, '--data', class_folder, '--methods', 'msp')
    choice = ('--corruptions', 'brightness,impulse_noise', '--severities', '3')
    cache = ('--cache', tmp_path / 'cache', '--limit', '2')
    status, found = evaluate(tmp_path, *words, *choice, *cache)
    assert status == 0
    assert set(found['sets']) == {'brightness 3', 'impulse_noise 3'}
    parts = [part['methods']['msp']['open_miou'] for part in found['sets'].values()]
    assert found['methods']['msp']['open_miou'] == pytest.approx(np.mean(parts))
    assert found['miou'] == pytest.approx(np.mean([p['miou'] for p in found['sets'].values()]))
    _, again = evaluate(tmp_path / 'again', *words, *choice, *cache, '--workers', '2')
    assert again['methods'] == found['methods']


def test_fishyscapes_finds_its_sets(bundle, ood_folder, tmp_path):
    root = tmp_path / 'fishyscapes'
    root.mkdir()
    (root / 'fs_static').symlink_to(ood_folder)
    (root / 'fs_lostandfound').symlink_to(ood_folder)
    status, found = evaluate(tmp_path, 'fishyscapes', '--model', bundle, '--data', root)
    assert status == 0
    assert set(found['sets']) == {'Fishyscapes Static', 'Fishyscapes Lost and Found'}
    assert found['images'] == 10
    static = found['sets']['Fishyscapes Static']['methods']['energy']
    assert found['methods']['energy']['ap'] == pytest.approx(static['ap'])


@pytest.fixture
def obstacle_track(tmp_path):
    folder = tmp_path / 'smiyc' / 'dataset_ObstacleTrack'
    for i in range(3):
        write(folder / 'images' / f'validation_{i}.webp', smooth_image(*SIZE, i))
        write(folder / 'labels_masks' / f'validation_{i}_labels_semantic.png', ood_labels(i))
    return folder


def test_component_figures_come_with_the_pixel_ones(bundle, obstacle_track, tmp_path):
    words = ('segment-me-if-you-can', '--model', bundle, '--data', obstacle_track.parent)
    status, found = evaluate(tmp_path, *words)
    assert status == 0
    figures = found['methods']['energy']
    assert {'ap', 'fpr95', 'siou', 'ppv', 'f1', 'pixel_f1', 'threshold'} <= figures.keys()
    assert found['least_predicted_pixels'] == 50
    assert 0 <= figures['f1'] <= 1
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['figures.json']
    _, again = evaluate(tmp_path / 'again', *words, '--workers', '2')
    assert again['methods'] == found['methods']


def test_smiyc_submission_is_what_the_owners_read(bundle, obstacle_track, tmp_path):
    h5py = pytest.importorskip('h5py', reason='h5py is an optional extra')
    words = ['segment-me-if-you-can', '--model', bundle, '--data', obstacle_track / 'images']
    words += ['--submission', tmp_path / 'submit', '--submit-dataset', 'ObstacleTrack-all']
    assert main(['evaluate', *map(str, words)]) == 0
    folder = tmp_path / 'submit' / 'anomaly_p' / 'flowenedet' / 'ObstacleTrack-all'
    assert len(list(folder.iterdir())) == 3
    with h5py.File(folder / 'validation_1.hdf5') as file:
        value = file['value'][:]
    assert value.shape == SIZE
    assert value.dtype == np.float16
    assert 0 <= value.min() < value.max() <= 1


def test_fishyscapes_submission_is_what_the_owners_read(bundle, obstacle_track, tmp_path):
    words = ['fishyscapes', '--model', bundle, '--data', obstacle_track / 'images']
    assert main(['evaluate', *map(str, [*words, '--submission', tmp_path / 'submit'])]) == 0
    score = np.load(tmp_path / 'submit' / 'validation_0_anomaly.npy')
    classes = np.load(tmp_path / 'submit' / 'validation_0_segmentation.npy')
    assert score.shape == classes.shape == SIZE
    assert score.dtype == np.float32
    assert classes.max() < 5


def test_road_data_holds_unknown_pixels_against_errors(
    bundle, class_folder, ood_folder, tmp_path, monkeypatch
):
    names = ('road', 'car', 'sky', 'building', 'pedestrian')
    monkeypatch.setitem(road_data._NAMES, names, 'camvid')
    root = tmp_path / 'data'
    (root / 'camvid').mkdir(parents=True)
    (root / 'ood').mkdir()
    (root / 'camvid' / 'test').symlink_to(class_folder)
    (root / 'ood' / 'static').symlink_to(ood_folder)
    status, found = evaluate(tmp_path, 'road-data', '--model', bundle, '--data', root)
    assert status == 0
    assert set(found['sets']) == {'errors on camvid/test', 'static'}
    words = ('concurrent', '--model', bundle, '--data', class_folder, '--ood-data', ood_folder)
    _, both = evaluate(tmp_path / 'both', *words)
    for name, figures in both['methods'].items():
        own = found['sets']['static']['methods'][name]
        assert own['separation'] == pytest.approx(figures['separation'], abs=1e-12)
        assert own['ap'] == pytest.approx(figures['ood']['ap'], abs=1e-12)
        assert found['methods'][name]['idm_ap'] == pytest.approx(figures['idm']['ap'], abs=1e-12)


def test_road_data_needs_classes_it_knows(bundle, class_folder, tmp_path, capsys):
    (tmp_path / 'cityscapes').symlink_to(class_folder)
    assert evaluate(tmp_path, 'road-data', '--model', bundle, '--data', tmp_path)[0] == 2
    assert 'CamVid or of the Cityscapes classes' in capsys.readouterr().err
