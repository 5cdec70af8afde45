"""`flowenedet export`, from files that train writes to a folder that loads."""

import cv2
import pytest
import torch
import yaml

from flowenedet_ros.cli.main import main
from flowenedet_ros.data.classes import CAMVID_CLASSES
from flowenedet_ros.detector.base import DetectorConfig
from flowenedet_ros.detector.build import build_detector, save_detectors
from flowenedet_ros.inference import load_bundle
from flowenedet_ros.inference.benchmark.worker import street
from flowenedet_ros.inference.manifest_reader import read_manifest
from flowenedet_ros.segmenters.build import build_network
from flowenedet_ros.segmenters.registry import freeze, save_segmenter

NAME = 'deeplabv3plus_efficientnet-lite0'
SIZE = (64, 96)


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp('trained')
    torch.manual_seed(0)
    network = build_network(NAME, len(CAMVID_CLASSES))
    save_segmenter(
        folder / 'segmenter.safetensors', NAME, network.state_dict(), CAMVID_CLASSES, SIZE
    )
    spec = freeze(NAME, network, CAMVID_CLASSES, SIZE).spec
    config = DetectorConfig('flowenedet', 11, spec.embedding_channels, spec.deep_channels)
    save_detectors(folder / 'flow.safetensors', {'flowenedet': build_detector(config)})
    (folder / 'images').mkdir()
    for seed in range(3):
        cv2.imwrite(str(folder / 'images' / f'{seed}.png'), street(90, 120, seed))
    (folder / 'notes.yaml').write_text(
        yaml.safe_dump({'miou': {'camvid/test': 0.6}, 'training': {'seed': 0}})
    )
    return folder


def arguments(trained, out):
    return [
        *('export', '--segmenter', str(trained / 'segmenter.safetensors')),
        *('--detectors', str(trained / 'flow.safetensors')),
        *('--images', str(trained / 'images'), '--notes', str(trained / 'notes.yaml')),
        *('--out', str(out)),
    ]


def test_a_bundle_from_files(trained, tmp_path, capsys):
    out = tmp_path / 'bundle'
    assert main([*arguments(trained, out), '--precision', 'fp32', '--mode', 'quarter']) == 0
    printed = capsys.readouterr().out
    assert 'fp32: labels agree on' in printed
    assert 'model.onnx' in printed
    manifest = read_manifest(out / 'model.yaml')
    assert manifest.name == 'bundle'
    assert manifest.output.mode == 'quarter'
    assert manifest.segmenter.miou == {'camvid/test': 0.6}
    with load_bundle(out, 'onnxruntime', 'fp32') as model:
        assert model.self_test().passed
    assert main(['export', '--model', str(out), '--precision', 'fp16', '--images',
                 str(trained / 'images'), '--out', str(tmp_path / 'more')]) == 0  # fmt: skip
    assert 'model_fp16.onnx' in read_manifest(tmp_path / 'more' / 'model.yaml').files


def test_wrong_arguments_are_said_plainly(trained, tmp_path, capsys):
    out = tmp_path / 'bundle'
    given = arguments(trained, out)
    assert main([*given, '--precision', 'fp8']) == 2
    assert "no precision 'fp8'" in capsys.readouterr().err
    assert main([*given, '--variant', 'fed_c']) == 2
    assert 'no detector fed_c' in capsys.readouterr().err
    assert main([*given, '--images', str(tmp_path)]) == 2
    assert 'expected pictures' in capsys.readouterr().err
    assert main(['export', '--segmenter', 'x', '--images', 'y', '--out', str(out)]) == 2
    assert '--detectors' in capsys.readouterr().err
    assert not out.exists()
