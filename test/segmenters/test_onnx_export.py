"""Every architecture as ONNX: the same numbers, and a graph that any runtime can compile."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from formula_weights import formula_image, formula_state

from flowenedet_ros.data.classes import CITYSCAPES_CLASSES
from flowenedet_ros.segmenters.build import ARCHITECTURES, build_network
from flowenedet_ros.segmenters.registry import freeze
from flowenedet_ros.segmenters.sliding import SlidingWindow

QUICK = [
    'segformer_b0',
    'deeplabv3plus_r18-d8',
    'deeplabv3plus_efficientnet-lite0',
    'deeplabv3plus_mobilenetv2',
]
SLOW = [name for name in ARCHITECTURES if name not in QUICK]
FORBIDDEN = {
    *('Loop', 'If', 'Scan', 'Shape', 'Size', 'NonZero', 'Unique', 'Range', 'RandomUniform'),
    *('ConstantOfShape', 'SequenceAt', 'SplitToSequence', 'NonMaxSuppression', 'Dropout'),
}
SIZE = (64, 96)


def export(name, path, window=None):
    network = build_network(name, 19)
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    network.load_state_dict(formula_state(shapes))
    frozen = freeze(name, network, CITYSCAPES_CLASSES, SIZE, window)
    torch.onnx.export(
        frozen,
        (torch.zeros(1, 3, *SIZE),),
        path,
        dynamo=True,
        opset_version=18,
        external_data=False,
        output_names=['logits', 'embedding', 'deep'],
        verbose=False,
    )
    return frozen


def check(frozen, path):
    images = formula_image(*SIZE)
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    found = session.run(None, {session.get_inputs()[0].name: images.numpy()})
    for expected, maps in zip(frozen(images), found, strict=True):
        # Deeper maps reach 86, where one step of float32 is 8e-6.
        np.testing.assert_allclose(maps, expected.numpy(), rtol=1e-5, atol=1e-4)
    graph = onnx.load(path).graph
    assert not {node.op_type for node in graph.node} & FORBIDDEN


@pytest.mark.parametrize('name', [*QUICK, *(pytest.param(n, marks=pytest.mark.slow) for n in SLOW)])
def test_graph_is_clean_and_agrees(name, tmp_path):
    check(export(name, tmp_path / 'model.onnx'), tmp_path / 'model.onnx')


@pytest.mark.slow
def test_sliding_windows_export_too(tmp_path):
    window = SlidingWindow((64, 64), (32, 32))
    check(export('segformer_b0', tmp_path / 'model.onnx', window), tmp_path / 'model.onnx')
