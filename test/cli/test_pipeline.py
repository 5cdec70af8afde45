"""The whole way of a new model, as a user types it: train, fit, export, calibrate, run."""

import json

import cv2
import numpy as np
import pytest

from flowenedet_ros.cli.main import main
from flowenedet_ros.data.scenes import render_sequence
from flowenedet_ros.inference import load_bundle

SIZE = '96x128'


def write_streets(folder, seeds):
    """Render one frame of each street as a labelled folder."""
    for name in ('images', 'labels'):
        (folder / name).mkdir(parents=True)
    for seed in seeds:
        frame = next(iter(render_sequence(seed, 1, 96, 128, 10)))
        cv2.imwrite(str(folder / 'images' / f'{seed}.png'), frame.image)
        cv2.imwrite(str(folder / 'labels' / f'{seed}.png'), frame.labels)
    return folder


@pytest.mark.slow
def test_from_labelled_pictures_to_a_running_model(tmp_path, capsys):
    train = write_streets(tmp_path / 'train', range(8))
    held_out = write_streets(tmp_path / 'held_out', range(8, 12))
    run = tmp_path / 'run'
    segmenter = run / 'segmenter' / 'segmenter.safetensors'
    train_segmenter = [
        *('train-segmenter', '--data', str(train), '--validation', str(held_out)),
        *('--test', str(held_out), '--size', SIZE, '--epochs', '2', '--batch-size', '4'),
        *('--out', str(segmenter.parent)),
    ]
    assert main([*train_segmenter, '--until', '1']) == 0
    assert main(train_segmenter) == 0
    assert 'test: mIoU' in capsys.readouterr().out
    assert 0 < json.loads((segmenter.parent / 'figures.json').read_text())['test']['miou'] < 1

    fit = [
        *('train', '--segmenter', str(segmenter), '--data', f'{train}::2', '--scenes', '2'),
        *('--unlabelled', str(held_out / 'images'), '--validation', str(held_out)),
        *('--variants', 'flowenedet,fed_u,fed_c', '--steps', '4', '--out', str(run / 'flow')),
    ]
    assert main(fit) == 0
    assert set(json.loads((run / 'flow' / 'validation.json').read_text())) == {
        *('flowenedet', 'fed_u', 'fed_c'),
    }

    export = [
        *('export', '--segmenter', str(segmenter), '--name', 'streets'),
        *('--detectors', str(run / 'flow' / 'flow.safetensors')),
        *('--images', str(held_out / 'images'), '--out', str(run / 'exported')),
    ]
    assert main(export) == 0
    calibrate = ['calibrate', '--model', str(run / 'exported'), '--data', str(held_out)]
    assert main([*calibrate, '--out', str(run / 'streets')]) == 0

    model = load_bundle(run / 'streets', backend='onnxruntime')
    image = cv2.imread(str(held_out / 'images' / '8.png'))
    perception = model.run(np.ascontiguousarray(image))
    assert perception.labels.shape == (96, 128)
    assert np.isfinite(perception.ood_score).all()
    assert model.manifest.name == 'streets'
