"""A tiny real bundle with trained-looking detectors, and small labelled folders."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml
from support.tiny_bundle import CLASSES, smooth_image, write_tiny_bundle

from flowenedet_ros.detector.base import DetectorConfig
from flowenedet_ros.detector.build import build_detector, save_detectors
from flowenedet_ros.detector.sml import SmlStatistics

SIZE = (120, 168)


@pytest.fixture(scope='session')
def bundle(tmp_path_factory) -> Path:
    """Give a bundle that can be asked for every method that works from logits alone."""
    folder = write_tiny_bundle(tmp_path_factory.mktemp('models') / 'tiny', height=96, width=128)
    torch.manual_seed(3)
    detector = build_detector(DetectorConfig('fed_u', classes=len(CLASSES), form='published'))
    statistics = SmlStatistics(torch.full((len(CLASSES),), 8.0), torch.full((len(CLASSES),), 9.0))
    detector.set_statistics(statistics)
    save_detectors(folder / 'flow.safetensors', {'fed_u': detector})
    manifest = yaml.safe_load((folder / 'model.yaml').read_text())
    digest = hashlib.sha256((folder / 'flow.safetensors').read_bytes()).hexdigest()
    manifest['files']['flow.safetensors'] = digest
    (folder / 'model.yaml').write_text(yaml.safe_dump(manifest, sort_keys=False))
    return folder


def write_folder(folder: Path, labels: dict[str, np.ndarray]) -> Path:
    """Write smooth pictures with the given label maps."""
    for name in ('images', 'labels'):
        (folder / name).mkdir(parents=True)
    for seed, (name, ids) in enumerate(labels.items()):
        cv2.imwrite(str(folder / 'images' / f'{name}.png'), smooth_image(*ids.shape, seed))
        cv2.imwrite(str(folder / 'labels' / f'{name}.png'), ids)
    return folder


def ood_labels(seed: int) -> np.ndarray:
    """Draw a box of unknown and a band of ignored pixels."""
    random = np.random.default_rng(seed)
    labels = np.zeros(SIZE, np.uint8)
    top, left = random.integers(10, 60, 2)
    labels[top : top + 30, left : left + 40] = 1
    labels[-15:] = 255
    return labels


@pytest.fixture(scope='session')
def ood_folder(tmp_path_factory) -> Path:
    """Give five pictures with OOD labels."""
    labels = {f'frame{i}': ood_labels(i) for i in range(5)}
    return write_folder(tmp_path_factory.mktemp('data') / 'ood', labels)


@pytest.fixture(scope='session')
def class_folder(tmp_path_factory) -> Path:
    """Give five pictures with class labels, 255 where there are none."""
    random = np.random.default_rng(5)
    labels = {}
    for i in range(5):
        coarse = random.integers(0, len(CLASSES) + 1, (6, 8)).astype(np.uint8)
        coarse[coarse == len(CLASSES)] = 255
        labels[f'frame{i}'] = cv2.resize(coarse, SIZE[::-1], interpolation=cv2.INTER_NEAREST)
    return write_folder(tmp_path_factory.mktemp('data') / 'classes', labels)
