"""Our networks against numbers that MMSegmentation itself made from the same weights."""

import json
from pathlib import Path

import pytest
import torch
from formula_weights import formula_image, formula_state, sampled

from flowenedet_ros.segmenters import load_segmenter
from flowenedet_ros.segmenters.build import build_network

REFERENCE = json.loads((Path(__file__).parent / 'data' / 'mmseg_reference.json').read_text())
QUICK = ['deeplabv3plus_r18-d8', 'deeplabv3plus_mobilenetv2-d8', 'segformer_b0']
SLOW = ['deeplabv3plus_r101-d8', 'segformer_b2']


@pytest.mark.parametrize('name', [*QUICK, *(pytest.param(n, marks=pytest.mark.slow) for n in SLOW)])
def test_checkpoint_loads_whole_and_computes_the_same(name, tmp_path):
    reference = REFERENCE[name]
    state = formula_state(reference['keys'])
    checkpoint = tmp_path / 'checkpoint.pth'
    torch.save({'meta': {'epoch': 1}, 'state_dict': state}, checkpoint)

    segmenter = load_segmenter(name, checkpoint)
    logits = segmenter(formula_image(*reference['image'])).logits

    assert list(logits.shape) == reference['logits_shape']
    expected = torch.tensor(reference['logits'])
    assert expected.std() > 0.05  # the comparison means something
    assert (sampled(logits) - expected).abs().max() <= 1e-4


@pytest.mark.parametrize('name', [name for name in REFERENCE if name != 'versions'])
def test_parameters_are_as_many_as_published(name):
    with torch.device('meta'):
        network = build_network(name, 19)
    assert sum(p.numel() for p in network.parameters()) == REFERENCE[name]['parameters']


def test_segformer_weights_saved_by_mmsegmentation(real_data):
    images, expected = torch.load(
        real_data / 'parity' / 'mm_segformer_b0.io', weights_only=True, map_location='cpu'
    )
    segmenter = load_segmenter('segformer_b0', real_data / 'parity' / 'mm_segformer_b0.pth')
    assert (segmenter(images).logits - expected).abs().max() <= 1e-4
