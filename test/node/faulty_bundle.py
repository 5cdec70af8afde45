"""A real model whose backend fails, or hangs, on pictures that begin with a certain blue."""

import hashlib

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper
from support.tiny_bundle import write_tiny_bundle

FAILS, HANGS = 255, 254


def write_faulty_bundle(folder):
    """
    Write a tiny bundle that reads past the end of a table where the first byte is FAILS.

    Where it is HANGS, the graph goes through a loop that takes for ever.
    """
    write_tiny_bundle(folder)
    path = folder / 'model.onnx'
    model = onnx.load(path)
    graph = model.graph
    for node in graph.node:
        for index, name in enumerate(node.output):
            if name == 'nonfinite':
                node.output[index] = 'true_nonfinite'
    graph.initializer.extend([
        _constant('f_zeros4', [0, 0, 0, 0]),
        _constant('f_ones4', [1, 1, 1, 1]),
        _constant('f_axes', [0, 1, 2, 3]),
        _constant('f_scalar', np.zeros(0)),
        _constant('f_hangs', HANGS),
        _constant('f_for_ever', 10**15),
        _constant('f_table', np.zeros(FAILS)),
    ])  # fmt: skip
    graph.node.extend([
        helper.make_node('Slice', ['image', 'f_zeros4', 'f_ones4', 'f_axes'], ['f_first']),
        helper.make_node('Cast', ['f_first'], ['f_byte'], to=TensorProto.INT64),
        helper.make_node('Reshape', ['f_byte', 'f_scalar'], ['f_key']),
        helper.make_node('Gather', ['f_table', 'f_key'], ['f_looked_up']),
        helper.make_node('Equal', ['f_key', 'f_hangs'], ['f_is_hang']),
        helper.make_node('Cast', ['f_is_hang'], ['f_hang'], to=TensorProto.INT64),
        helper.make_node('Mul', ['f_hang', 'f_for_ever'], ['f_turns']),
        helper.make_node('Loop', ['f_turns', '', 'f_looked_up'], ['f_done'], body=_turn()),
        helper.make_node('Cast', ['f_done'], ['f_extra'], to=TensorProto.INT32),
        helper.make_node('Add', ['true_nonfinite', 'f_extra'], ['nonfinite']),
    ])  # fmt: skip
    onnx.save(model, path)
    manifest = yaml.safe_load((folder / 'model.yaml').read_text())
    manifest['files']['model.onnx'] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / 'model.yaml').write_text(yaml.safe_dump(manifest))
    return folder


def _constant(name, value):
    return numpy_helper.from_array(np.array(value, np.int64), name)


def _turn():
    """Give the body of the loop: it carries one number on."""
    scalar, flag = [TensorProto.INT64, []], [TensorProto.BOOL, []]
    return helper.make_graph(
        [
            helper.make_node('Identity', ['go_in'], ['go_out']),
            helper.make_node('Identity', ['value_in'], ['value_out']),
        ],
        'turn',
        [
            helper.make_tensor_value_info('turn', *scalar),
            helper.make_tensor_value_info('go_in', *flag),
            helper.make_tensor_value_info('value_in', *scalar),
        ],
        [
            helper.make_tensor_value_info('go_out', *flag),
            helper.make_tensor_value_info('value_out', *scalar),
        ],
    )
