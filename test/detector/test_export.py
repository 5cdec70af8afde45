"""All detectors in one ONNX graph give what PyTorch gives."""

import math

import numpy as np
import onnxruntime
import pytest
import torch
from support.detector_samples import ready_detector, segmenter_output
from torch import nn

from flowenedet_ros.segmenters.interface import SegmenterOutput

VARIANTS = {
    'flowenedet': {},
    'convnet': {},
    'fed_u': {'form': 'published', 'postprocess': True, 'blocks': 2},
    'fed_c': {'blocks': 1},
}


class AllDetectors(nn.Module):
    def __init__(self):
        super().__init__()
        self.detectors = nn.ModuleList(
            ready_detector(variant, **changes) for variant, changes in VARIANTS.items()
        )

    def forward(self, logits, embedding, deep):
        output = SegmenterOutput(logits, embedding, deep)
        return tuple(score for detector in self.detectors for score in detector(output))


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
    path = tmp_path_factory.mktemp('export') / 'detectors.onnx'
    detectors = AllDetectors().eval()
    output = segmenter_output(24, 32, images=1)
    with torch.no_grad():
        torch.onnx.export(
            detectors, tuple(output), str(path), opset_version=18, dynamo=True, verbose=False
        )
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    return detectors, session


@pytest.mark.slow
@pytest.mark.parametrize('bad', [None, math.nan, math.inf, -math.inf])
def test_onnxruntime_agrees_with_pytorch(exported, bad):
    detectors, session = exported
    output = segmenter_output(24, 32, images=1, seed=5)
    if bad is not None:
        output.logits[0, 0, 3, 4] = bad
    with torch.no_grad():
        expected = [score.numpy() for score in detectors(*output)]
    names = [item.name for item in session.get_inputs()]
    feeds = dict(zip(names, (part.numpy() for part in output), strict=True))
    for ours, theirs in zip(expected, session.run(None, feeds), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(theirs, ours, atol=2e-4, rtol=1e-4)
        assert np.isfinite(theirs).all()
