"""A segmenter that exists as ONNX or TorchScript only becomes part of the fused graph."""

import numpy as np
import onnxruntime
import pytest
import torch
import yaml
from small_parts import CLASSES, SIZE, SmallNetwork, pictures, small_detector

from flowenedet_ros.export.foreign_writer import export_foreign, is_foreign
from flowenedet_ros.export.fused import FusedGraph, perceive
from flowenedet_ros.export.half import to_half
from flowenedet_ros.inference.backends.base import INPUTS, OUTPUTS
from flowenedet_ros.inference.marks import marked_values, segmenter_nodes
from flowenedet_ros.segmenters import load_segmenter


@pytest.fixture(scope='module', params=['foreign.onnx', 'foreign.pt'])
def segmenter(request, tmp_path_factory):
    """The small network as a file for BGR images, with one logit too many."""

    class Background(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = SmallNetwork().eval()

        def forward(self, images):
            logits, embedding, deep = self.network(images)
            return torch.cat([logits, logits[:, :1]], dim=1), embedding, deep

    torch.manual_seed(3)
    folder = tmp_path_factory.mktemp('foreign')
    network, example = Background().eval(), torch.zeros(1, 3, *SIZE)
    outputs: dict[str, str | int] = {'logits': 'scores', 'embedding': 'features', 'deep': 'deep'}
    if request.param.endswith('.pt'):
        torch.jit.trace(network, example).save(str(folder / request.param))
        outputs = {'logits': 0, 'embedding': 1, 'deep': 2}
    else:
        torch.onnx.export(
            network,
            (example,),
            folder / request.param,
            dynamo=True,
            opset_version=18,
            external_data=False,
            output_names=list(outputs.values()),
            verbose=False,
        )
    description = {
        'name': 'foreign',
        'file': request.param,
        'classes': [{'name': info.name, 'color': list(info.color)} for info in CLASSES],
        'input': {
            'height': SIZE[0],
            'width': SIZE[1],
            'channel_order': 'bgr',
            'mean': [100.0, 110.0, 120.0],
            'std': [60.0, 61.0, 62.0],
        },
        'outputs': outputs,
        'logit_stride': 4,
        'extra_outputs': 1,
    }
    (folder / 'foreign.yaml').write_text(yaml.safe_dump(description))
    return load_segmenter(folder / 'foreign.yaml')


def run(model, image):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=['CPUExecutionProvider']
    )
    half = np.array([0.5], np.float32)
    names = list(OUTPUTS)
    feeds = {'image': image[None], 'idm_threshold': half, 'ood_threshold': half}
    return dict(zip(names, session.run(names, feeds), strict=True))


def test_the_joined_graph_computes_the_same(segmenter):
    assert is_foreign(segmenter)
    fused = FusedGraph(segmenter, small_detector())
    model = export_foreign(fused)
    assert [value.name for value in model.graph.input] == list(INPUTS)
    assert [value.name for value in model.graph.output] == list(OUTPUTS)
    assert {'pixels', 'logits', 'embedding', 'deep', 'idm_raw'} <= set(marked_values(model))
    assert sum(node.op_type == 'Conv' for node in segmenter_nodes(model)) == 4
    image = pictures(1)[0]
    for graph, tolerance in ((model, 1e-4), (to_half(model), 0.05)):
        found, reading = run(graph, image), perceive(fused, torch.from_numpy(image[None]))
        assert np.abs(found['ood_score'] - reading.ood_score.numpy()).max() < tolerance
        assert (found['labels'] == reading.labels.numpy()).mean() > 0.99
