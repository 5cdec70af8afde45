"""A model folder is written whole, loads, passes its own self-test, and says how it was made."""

import json

import numpy as np
import pytest
import yaml
from small_parts import decided_segmenter, pictures, small_detector, small_segmenter

from flowenedet_ros.data.folder import Sample
from flowenedet_ros.detector.build import load_detectors
from flowenedet_ros.export.bundle_update import add_precisions, recalibrate
from flowenedet_ros.export.bundle_writer import BundleSource, ExportOptions, write_bundle
from flowenedet_ros.export.errors import ExportError
from flowenedet_ros.inference import load_bundle
from flowenedet_ros.inference.manifest import CalibrationInfo, OperatingPoint, ScoreMap
from flowenedet_ros.inference.manifest_reader import read_manifest


def source(**changes):
    parts = {
        'name': 'small',
        'segmenter': decided_segmenter(),
        'detectors': {'flowenedet': small_detector(), 'fed_u': small_detector('fed_u')},
        'golden': list(pictures()),
        'miou': {'nothing': 0.5},
        'training': {'data': 'none', 'seed': 3},
    }
    return BundleSource(**(parts | changes))


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp('bundles') / 'small'
    labels = np.random.default_rng(0).integers(0, 5, (2, 80, 120)).astype(np.uint8)
    labels[:, 20:60, 20:60] = 254
    samples = [
        Sample(i, m, str(n)) for n, (i, m) in enumerate(zip(pictures(), labels, strict=True))
    ]
    return write_bundle(place, source(), ExportOptions(samples=samples))


@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_the_folder_loads_and_passes_its_self_test(folder, precision):
    with load_bundle(folder, 'onnxruntime', precision) as model:
        report = model.self_test()
        assert report.passed, str(report)
        assert model.run(pictures(1)[0]).labels.shape == (64, 96)


def test_the_manifest_says_what_is_inside(folder):
    manifest = read_manifest(folder / 'model.yaml')
    assert manifest.name == 'small'
    assert [info.name for info in manifest.classes][:2] == ['sky', 'building']
    assert manifest.input.height == 64
    assert manifest.output.stride == 4
    assert set(manifest.files) == {
        'model.onnx',
        'model_fp16.onnx',
        'flow.safetensors',
        'self_test.npz',
    }
    assert manifest.training['seed'] == 3
    assert {'torch', 'onnx'} <= set(manifest.versions)
    assert set(load_detectors(folder / 'flow.safetensors')) == {'flowenedet', 'fed_u'}


def test_precisions_are_compared_with_eager_pytorch(folder):
    parity = read_manifest(folder / 'model.yaml').training['parity']
    assert parity['fp32']['label_agreement'] >= 0.999
    assert parity['fp32']['largest_difference'] < 1e-4
    assert set(parity['fp16']['ap']) == {'IDM', 'OOD'}
    assert parity['fp16']['problem'] == 'none'


def test_a_folder_is_never_half_written(folder, tmp_path):
    with pytest.raises(ExportError, match='there already'):
        write_bundle(folder, source())
    place = tmp_path / 'broken'
    with pytest.raises(ExportError, match='no detector fed_c among those given'):
        write_bundle(place, source(variant='fed_c'))
    with pytest.raises(ExportError, match='int8 needs images'):
        write_bundle(place, source(), ExportOptions(precisions=('int8',)))
    assert list(tmp_path.iterdir()) == []


CALIBRATION = CalibrationInfo(
    idm=ScoreMap(0.5, -1.0),
    ood=ScoreMap(2.0, 0.5),
    operating_points={'balanced': OperatingPoint(0.4, 0.6, 0.05, 0.01)},
    guarantee='none',
    images=2,
    data='pictures',
)


def test_another_calibration_needs_no_pytorch(folder, tmp_path):
    new = recalibrate(folder, tmp_path / 'new', CALIBRATION)
    manifest = read_manifest(new / 'model.yaml')
    assert manifest.calibration == CALIBRATION
    for precision in ('fp32', 'fp16'):
        with load_bundle(new, 'onnxruntime', precision) as model:
            assert model.self_test().passed
            assert model.thresholds.idm == 0.4
            changed = model.run(pictures(1)[0])
    with load_bundle(folder, 'onnxruntime', 'fp32') as model:
        score = model.run(pictures(1)[0]).idm_score
    odds = np.log(score) - np.log1p(-score)  # uncalibrated: the sigmoid of the log-odds
    expected = 1 / (1 + np.exp(-(CALIBRATION.idm.scale * odds + CALIBRATION.idm.offset)))
    assert np.abs(changed.idm_score - expected).max() < 0.01
    assert np.abs(changed.idm_score - score).max() > 0.01


def test_int8_is_added_where_it_passes_the_self_test(folder, tmp_path):
    new = add_precisions(folder, tmp_path / 'int8', ['int8'], list(pictures(4)))
    with load_bundle(new, 'onnxruntime', 'int8') as model:
        assert model.self_test().passed


def test_int8_is_refused_where_it_does_not(tmp_path):
    # Random classes differ by no more than int8 rounds.
    undecided = source(segmenter=small_segmenter())
    folder = write_bundle(tmp_path / 'undecided', undecided, ExportOptions(precisions=('fp32',)))
    with pytest.raises(ExportError, match='int8 is not near enough to eager PyTorch'):
        add_precisions(folder, tmp_path / 'int8', ['int8'], list(pictures()))
    assert [path.name for path in tmp_path.iterdir()] == ['undecided']


def test_replacing_keeps_nothing_of_the_old_folder(folder, tmp_path):
    new = recalibrate(folder, tmp_path / 'new', CALIBRATION)
    (new / 'stray.txt').write_text('x')
    recalibrate(folder, new, CALIBRATION, replace=True)
    assert not (new / 'stray.txt').exists()
    assert [path.name for path in tmp_path.iterdir()] == ['new']


def test_manifest_is_plain_yaml(folder):
    content = yaml.safe_load((folder / 'model.yaml').read_text())
    assert content['format'] == 1
    assert content['classes'][0] == {'name': 'sky', 'color': [128, 128, 128]}
    json.dumps(content)
