"""`torchrun ... flowenedet train-segmenter`: two real processes share one run."""

import os
import subprocess
import sys

import cv2
import pytest
import torch

from flowenedet_ros.data.scenes import render_sequence

PICTURES, BATCH, PROCESSES = 8, 2, 2


@pytest.fixture(scope='module')
def streets(tmp_path_factory):
    """A labelled folder of rendered streets."""
    folder = tmp_path_factory.mktemp('streets')
    for name in ('images', 'labels'):
        (folder / name).mkdir()
    for seed in range(PICTURES):
        frame = next(iter(render_sequence(seed, 1, 64, 96, 10)))
        cv2.imwrite(str(folder / 'images' / f'{seed}.png'), frame.image)
        cv2.imwrite(str(folder / 'labels' / f'{seed}.png'), frame.labels)
    return folder


def torchrun(streets, out, *more):
    command = [
        *(sys.executable, '-m', 'torch.distributed.run', '--standalone'),
        *('--nproc-per-node', str(PROCESSES), '-m', 'flowenedet_ros.cli.main'),
        *('train-segmenter', '--architecture', 'segformer_b0', '--size', '64x96'),
        *('--data', str(streets), '--validation', str(streets), '--epochs', '2'),
        *('--batch-size', str(BATCH), '--out', str(out), *more),
    ]
    alone = {**os.environ, 'CUDA_VISIBLE_DEVICES': '', 'OMP_NUM_THREADS': '1'}
    done = subprocess.run(
        command, env=alone, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_two_processes_share_a_run_and_one_of_them_writes(streets, tmp_path):
    first = torchrun(streets, tmp_path, '--until', '1')
    assert first.count('validation: mIoU') == 1
    assert {path.name for path in tmp_path.iterdir()} == {
        *('best.pth', 'last.pth', 'last.ckpt', 'segmenter.safetensors', 'figures.json'),
        'tensorboard',
    }
    assert len(list((tmp_path / 'tensorboard').iterdir())) == 1

    second = torchrun(streets, tmp_path)
    assert second.count('epoch 2: loss') == 1
    assert 'epoch 1:' not in second

    state = torch.load(tmp_path / 'last.ckpt', weights_only=True)
    assert state['counts']['epoch'] == 2
    # Half the steps that one process would take: each took its half of the pictures.
    assert state['parts']['scheduler']['last_epoch'] == 2 * PICTURES // (BATCH * PROCESSES)
