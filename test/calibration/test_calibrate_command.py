"""`flowenedet calibrate` on a real small bundle and labelled folders."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from flowenedet_ros.cli.main import main
from flowenedet_ros.inference import Thresholds, load_bundle
from flowenedet_ros.inference.manifest_reader import read_manifest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'export'))

from small_parts import pictures, small_detector, small_segmenter

from flowenedet_ros.export.bundle_writer import BundleSource, write_bundle


@pytest.fixture(scope='module')
def bundle(tmp_path_factory):
    source = BundleSource(
        'small', small_segmenter(), {'flowenedet': small_detector()}, list(pictures())
    )
    return write_bundle(tmp_path_factory.mktemp('bundles') / 'small', source)


@pytest.fixture(scope='module')
def data(bundle, tmp_path_factory):
    """Images whose labels are the model's own, partly turned wrong; a corner is an outlier."""
    folder = tmp_path_factory.mktemp('data')
    random = np.random.default_rng(0)
    with load_bundle(bundle, 'onnxruntime', 'fp32') as model:
        for kind in ('road', 'ood'):
            for name in ('images', 'labels'):
                (folder / kind / name).mkdir(parents=True)
            for i, image in enumerate(pictures(12)):
                labels = cv2.resize(
                    model.run(image).labels, (120, 80), interpolation=cv2.INTER_NEAREST
                )
                turned = random.uniform(size=(10, 15)) < 0.15
                labels[np.kron(turned, np.ones((8, 8), bool))] = 1
                if kind == 'ood':
                    labels = np.zeros_like(labels)
                    labels[:30, :40] = 1
                cv2.imwrite(str(folder / kind / 'images' / f'drive_{i:03}.png'), image)
                cv2.imwrite(str(folder / kind / 'labels' / f'drive_{i:03}.png'), labels)
    return folder


def test_thresholds_flag_what_was_asked_for(bundle, data, tmp_path, capsys):
    out = tmp_path / 'calibrated'
    given = ['--model', str(bundle), '--data', str(data / 'road'), '--out', str(out)]
    assert main(['calibrate', *given, '--ood-data', str(data / 'ood')]) == 0
    printed = capsys.readouterr().out
    assert 'expected calibration error' in printed
    calibration = read_manifest(out / 'model.yaml').calibration
    assert calibration.images == 12
    assert 'n = 12 images' in calibration.guarantee
    assert 'not pixels' in calibration.guarantee
    points = calibration.operating_points
    assert points['cautious'].idm <= points['balanced'].idm <= points['permissive'].idm
    with load_bundle(out, 'onnxruntime', 'fp32') as model:
        assert model.self_test().passed
        assert (out / 'drift.npz').name in model.manifest.files
        model.thresholds = Thresholds(points['cautious'].idm, points['cautious'].ood)
        rates = []
        for path in sorted((data / 'road' / 'images').iterdir()):
            labels = cv2.imread(str(path.parents[1] / 'labels' / path.name), 0)
            perception = model.run(cv2.imread(str(path)))
            labels = cv2.resize(labels, (96, 64), interpolation=cv2.INTER_NEAREST)
            right = labels == perception.labels
            rates.append((perception.idm_mask[right] > 0).mean())
    assert np.mean(rates) == pytest.approx(points['cautious'].idm_fpr, abs=2e-3)
    assert 0.02 < np.mean(rates) <= 0.101


def test_without_outliers_it_says_what_the_score_is_not(bundle, data, tmp_path):
    out = tmp_path / 'calibrated'
    given = ['--model', str(bundle), '--data', str(data / 'road'), '--out', str(out)]
    assert main(['calibrate', *given, '--unit', 'sequence']) == 0
    calibration = read_manifest(out / 'model.yaml').calibration
    assert 'n = 1 sequences' in calibration.guarantee
    assert 'no outliers were given' in calibration.guarantee
    assert calibration.operating_points['balanced'].ood == pytest.approx(0.5, abs=0.2)


def test_a_calibration_never_overwrites_by_accident(bundle, data, capsys):
    given = ['--model', str(bundle), '--data', str(data / 'road'), '--out', str(bundle)]
    assert main(['calibrate', *given]) == 2
    assert 'there already' in capsys.readouterr().err
