"""The frozen segmenter alone, cut out of a fused graph, and the stage that each node belongs to."""

import numpy as np
import onnx
from onnx import helper, numpy_helper

from flowenedet_ros.inference.backends.base import OUTPUTS
from flowenedet_ros.inference.errors import BundleError
from flowenedet_ros.inference.marks import PIXELS, marked_values, segmenter_nodes

STAGES = ('pre', 'segmenter', 'detector', 'post')
_TYPES = {'uint8': np.uint8, 'float32': np.float32, 'int32': np.int32}


def segmenter_alone(fused: onnx.ModelProto) -> onnx.ModelProto:
    """Give the graph from image to label map with no detector and no repair of bad logits.

    Its signature stays that of a fused graph, so that every backend takes it; the outputs that the
    detector made are constants of one element.
    """
    marked = marked_values(fused)
    if 'clean_logits' not in marked:
        raise BundleError('the graph does not name its logits: write it with `flowenedet export`')
    model = onnx.ModelProto()
    model.CopyFrom(fused)
    graph = model.graph
    for node in graph.node:
        node.input[:] = ['logits' if name == 'clean_logits' else name for name in node.input]
    kept = _ancestors(graph, {'labels'})
    del graph.node[:]
    graph.node.extend(kept)
    _make_constant_outputs(graph)
    used = {name for node in graph.node for name in node.input}
    for tensor in [item for item in graph.initializer if item.name not in used]:
        graph.initializer.remove(tensor)
    produced = {name for node in graph.node for name in node.output}
    for value in [item for item in graph.value_info if item.name not in produced]:
        graph.value_info.remove(value)
    onnx.checker.check_model(model)
    return model


def _make_constant_outputs(graph: onnx.GraphProto) -> None:
    for output in graph.output:
        if output.name == 'labels':
            continue
        dtype, rank = OUTPUTS[output.name]
        array = np.zeros((1,) * rank, _TYPES[dtype])
        tensor = numpy_helper.from_array(array, f'{output.name}_value')
        graph.node.append(helper.make_node('Constant', [], [output.name], value=tensor))
        for size in output.type.tensor_type.shape.dim:
            size.Clear()
            size.dim_value = 1


def stages(fused: onnx.ModelProto) -> dict[str, str]:
    """Give the stage of each node, by its name and by those of its outputs."""
    graph = fused.graph
    pre = {node.name for node in _ancestors(graph, {PIXELS})}
    segmenter = {node.name for node in segmenter_nodes(fused)}
    detector = {node.name for node in _ancestors(graph, {'idm_raw', 'ood_raw', 'nonfinite'})}
    found: dict[str, str] = {}
    for node in graph.node:
        if node.name in pre:
            stage = 'pre'
        elif node.name in segmenter:
            stage = 'segmenter'
        else:
            stage = 'detector' if node.name in detector else 'post'
        found |= dict.fromkeys((node.name, *node.output), stage)
    return found


def _ancestors(graph: onnx.GraphProto, wanted: set[str]) -> list[onnx.NodeProto]:
    needed = set(wanted)
    nodes = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            nodes.append(node)
    return nodes[::-1]
