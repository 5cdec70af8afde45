"""The golden images tell a right backend from a wrong one, and never raise."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import yaml
from support.tiny_bundle import write_tiny_bundle

from flowenedet_ros.inference import load_bundle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_bundle(tmp_path / 'tiny')


def rewrite_golden(folder: Path, **changes: np.ndarray) -> None:
    path = folder / 'self_test.npz'
    with np.load(path) as content:
        arrays = {**content, **changes}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    content = yaml.safe_load((folder / 'model.yaml').read_text())
    content['files'][path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / 'model.yaml').write_text(yaml.safe_dump(content))


def test_right_outputs_pass(folder: Path) -> None:
    report = load_bundle(folder, 'onnxruntime').self_test()
    assert report.passed
    assert report.label_agreement == 1.0
    assert min(report.idm_correlation, report.ood_correlation) > 0.9999
    assert str(report).startswith('passed: labels agree on 100.00 %')


def test_a_percent_of_other_labels_fails(folder: Path) -> None:
    labels = np.load(folder / 'self_test.npz')['labels']
    labels[:, :2] ^= 1
    rewrite_golden(folder, labels=labels)
    report = load_bundle(folder, 'onnxruntime').self_test()
    assert not report.passed
    assert 'of the labels agree' in str(report)


def test_turned_scores_fail(folder: Path) -> None:
    score = np.load(folder / 'self_test.npz')['ood_score']
    rewrite_golden(folder, ood_score=1 - score)
    report = load_bundle(folder, 'onnxruntime').self_test()
    assert not report.passed
    assert report.ood_correlation < -0.99


def test_nan_scores_fail(folder: Path) -> None:
    score = np.load(folder / 'self_test.npz')['idm_score']
    score[0, 0, 0] = np.nan
    rewrite_golden(folder, idm_score=score)
    assert not load_bundle(folder, 'onnxruntime').self_test().passed


def test_flat_scores_are_compared_directly(folder: Path) -> None:
    score = np.full_like(np.load(folder / 'self_test.npz')['idm_score'], 0.25)
    rewrite_golden(folder, idm_score=score)
    report = load_bundle(folder, 'onnxruntime').self_test()
    assert report.idm_correlation == 0.0


def test_golden_of_another_size_is_reported(folder: Path) -> None:
    labels = np.load(folder / 'self_test.npz')['labels'][:, ::2]
    rewrite_golden(folder, labels=labels)
    assert 'output shapes are' in str(load_bundle(folder, 'onnxruntime').self_test())


def test_missing_arrays_are_reported(folder: Path) -> None:
    rewrite_golden(folder, labels=None)
    report = load_bundle(folder, 'onnxruntime').self_test()
    assert 'self_test.npz cannot be read' in str(report)


def test_pickled_objects_are_not_loaded(folder: Path) -> None:
    rewrite_golden(folder, labels=np.array([{'a': 1}], object))
    report = load_bundle(folder, 'onnxruntime').self_test()
    assert not report.passed
    assert 'self_test.npz' in str(report)
