import pytest
import torch
from safetensors.torch import save_file
from support.detector_samples import config, ready_detector, segmenter_output

from flowenedet_ros.detector import (
    DetectorError,
    build_detector,
    load_detectors,
    save_detectors,
)
from flowenedet_ros.inference.bundle import bundled_models, find_bundle


def test_detectors_come_back_as_they_were(tmp_path):
    detectors = {
        'flowenedet': ready_detector('flowenedet', width=16, dilations=(1, 2)),
        'convnet': ready_detector('convnet'),
        'fed_u': ready_detector('fed_u', form='published', postprocess=True),
        'fed_c': ready_detector('fed_c', condition=16),
    }
    detectors['flowenedet'].set_readout(energy_weight=0.7, doubt_weight=0.2)
    save_detectors(tmp_path / 'flow.safetensors', detectors)
    restored = load_detectors(tmp_path / 'flow.safetensors')
    output = segmenter_output()
    assert list(restored) == list(detectors)
    for name, detector in detectors.items():
        assert restored[name].config == detector.config
        assert not restored[name].training
        for ours, theirs in zip(detector(output), restored[name](output), strict=True):
            assert torch.equal(ours, theirs)


@pytest.mark.parametrize('name', bundled_models())
def test_the_detectors_of_bundled_models_are_of_this_version(name):
    detectors = load_detectors(find_bundle(name) / 'flow.safetensors')
    assert {'flowenedet', 'fed_u'} <= set(detectors)


def test_an_unknown_variant_is_reported():
    with pytest.raises(DetectorError, match='choose one of flowenedet'):
        build_detector(config('fed_x'))


@pytest.mark.parametrize('kind', ['missing', 'text', 'foreign'])
def test_a_file_that_holds_no_detectors_is_reported(tmp_path, kind):
    path = tmp_path / 'flow.safetensors'
    if kind == 'text':
        path.write_text('not weights')
    elif kind == 'foreign':
        save_file({'weight': torch.zeros(2)}, path)
    with pytest.raises(DetectorError, match=r'flow\.safetensors'):
        load_detectors(path)
