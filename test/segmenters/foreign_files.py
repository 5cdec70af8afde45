"""A tiny segmenter as files of others: ONNX, TorchScript, and the description beside them."""

import numpy as np
import onnx
import torch
import yaml
from formula_weights import uniform
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

SIZE = (32, 48)
CHANNELS = {'embedding': 5, 'logits': 4, 'deep': 6}


def weights() -> dict[str, Tensor]:
    """Give the kernels of three convolutions."""
    return {
        'embedding': uniform('embedding', (5, 3, 4, 4)) - 0.5,
        'logits': uniform('logits', (4, 5, 1, 1)) - 0.5,
        'deep': uniform('deep', (6, 5, 2, 2)) - 0.5,
    }


class Tiny(nn.Module):
    """The same network in PyTorch."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Parameter(weights()['embedding'])
        self.second = nn.Parameter(weights()['logits'])
        self.third = nn.Parameter(weights()['deep'])

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        embedding = torch.relu(torch.conv2d(image, self.first, stride=[4, 4]))
        deep = torch.conv2d(embedding, self.third, stride=[2, 2])
        return torch.conv2d(embedding, self.second), embedding, deep


def write_onnx(path, *, batch=1, opset=18, size=SIZE):
    """Write the ONNX file.

    :param batch: 1, or a name to leave it open.
    """
    nodes = [
        helper.make_node('Conv', ['image', 'w.embedding'], ['raw'], strides=[4, 4]),
        helper.make_node('Relu', ['raw'], ['embedding']),
        helper.make_node('Conv', ['embedding', 'w.logits'], ['logits']),
        helper.make_node('Conv', ['embedding', 'w.deep'], ['deep'], strides=[2, 2]),
    ]
    shape = (batch, 3, *size)
    graph = helper.make_graph(
        nodes,
        'tiny',
        [helper.make_tensor_value_info('image', TensorProto.FLOAT, shape)],
        [
            helper.make_tensor_value_info(
                name, TensorProto.FLOAT, (batch, CHANNELS[name], f'{name}_h', f'{name}_w')
            )
            for name in ('logits', 'embedding', 'deep')
        ],
        [numpy_helper.from_array(np.asarray(v), f'w.{k}') for k, v in weights().items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)], ir_version=8)
    onnx.save(model, path)


def write_torchscript(path):
    """Write the TorchScript file."""
    torch.jit.script(Tiny().eval()).save(str(path))


def describe(folder, file, **changes):
    """Write a description that fits, with some keys changed; None takes a key out."""
    content = {
        'name': 'tiny',
        'file': file,
        'input': {
            'height': SIZE[0],
            'width': SIZE[1],
            'channel_order': 'rgb',
            'mean': [120.0, 110.0, 100.0],
            'std': [60.0, 55.0, 50.0],
        },
        'outputs': {'logits': 'logits', 'embedding': 'embedding', 'deep': 'deep'},
        'logit_stride': 4,
        'extra_outputs': 0,
        'classes': [{'name': f'class {i}', 'color': [i, i, i]} for i in range(4)],
    }
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(content.get(key), dict):
            value = {**content[key], **value}
        content[key] = value
    content = {key: value for key, value in content.items() if value is not None}
    path = folder / 'tiny.yaml'
    path.write_text(yaml.safe_dump(content))
    return path
