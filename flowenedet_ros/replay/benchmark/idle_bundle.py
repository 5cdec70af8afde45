"""A bundle like another whose network computes nothing, to see what all else costs."""

import hashlib
import shutil
from pathlib import Path

import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

from flowenedet_ros.inference.backends.base import INPUTS, OUTPUTS
from flowenedet_ros.inference.manifest import MANIFEST, REQUIRED_FILES, Manifest
from flowenedet_ros.inference.manifest_reader import read_manifest

GRAPH = 'model.onnx'
_TYPES = {'uint8': TensorProto.UINT8, 'float32': TensorProto.FLOAT, 'int32': TensorProto.INT32}
_OPSET, _IR_VERSION = 18, 9


def write_idle_bundle(source: Path, folder: Path) -> Path:
    """Write a bundle with the outputs of `source` in size and type, all zero and at no cost.

    :returns: the new folder; its self-test fails.
    """
    folder.mkdir(parents=True)
    for name in REQUIRED_FILES:
        shutil.copyfile(source / name, folder / name)
    manifest = source / MANIFEST
    (folder / GRAPH).write_bytes(_graph(read_manifest(manifest)).SerializeToString())
    content = yaml.safe_load(manifest.read_text(encoding='utf-8'))
    content['files'] = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in REQUIRED_FILES
    }
    (folder / MANIFEST).write_text(yaml.safe_dump(content, sort_keys=False), encoding='utf-8')
    return folder


def _graph(manifest: Manifest) -> onnx.ModelProto:
    full = manifest.input.height, manifest.input.width
    low = tuple(-(-side // manifest.output.stride) for side in full)
    nodes = [helper.make_node('Shape', ['image'], ['images'], end=1)]
    constants = []
    outputs = []
    for name, (dtype, rank) in OUTPUTS.items():
        size = () if rank == 1 else low if dtype == 'float32' else full
        constants.append(helper.make_tensor(f'{name}_size', TensorProto.INT64, [len(size)], size))
        zero = numpy_helper.from_array(helper.tensor_dtype_to_np_dtype(_TYPES[dtype]).type([0]))
        nodes += [
            helper.make_node('Concat', ['images', f'{name}_size'], [f'{name}_shape'], axis=0),
            helper.make_node('ConstantOfShape', [f'{name}_shape'], [name], value=zero),
        ]
        outputs.append(helper.make_tensor_value_info(name, _TYPES[dtype], ['N', *size]))
    inputs = [
        helper.make_tensor_value_info(name, _TYPES[dtype], ['N', 'H', 'W', 3] if rank == 4 else [1])
        for name, (dtype, rank) in INPUTS.items()
    ]
    graph = helper.make_graph(nodes, 'idle', inputs, outputs, constants)
    opset = helper.make_opsetid('', _OPSET)
    return helper.make_model(graph, opset_imports=[opset], ir_version=_IR_VERSION)
