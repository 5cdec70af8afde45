"""Keep energies, flow and scores in float32 where OpenVINO computes the segmenter in bf16."""

from collections.abc import Callable, Collection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree import ElementTree

import numpy as np

from flowenedet_ros.inference.backends.base import OUTPUTS

_SEGMENTER_OUTPUTS = ('logits', 'embedding', 'deep')
# What the CPU plugin reads before it lowers a node; it copies this to no node that it rewrites.
_KEPT = {'name': 'DisablePrecisionConversion', 'version': '0', 'value': 'dynamic:f16,bf16'}


def keep_scores_in_float(core: Any, model: Any) -> Any:
    """Give a model whose scores and masks ignore `INFERENCE_PRECISION_HINT`.

    The hint covers the whole graph. What excepts a node from it can be written in OpenVINO's own
    file format alone, through which the model goes here.

    :param model: of a fused graph, with fixed shapes.
    :returns: the model itself where the graph does not name its logits.
    """
    outputs = [output for node in model.get_ops() for output in node.outputs()]
    if not any('logits' in output.get_names() for output in outputs):
        return model
    for node in _scoring(model):
        rewrite = _REWRITES.get((node.get_type_name(), node.get_type_info().version_id))
        made = rewrite(node) if rewrite is not None else None
        if made is not None:
            made.set_friendly_name(node.get_friendly_name())
            node.output(0).replace(made.output(0))
    return _marked(core, model, {node.get_friendly_name() for node in _scoring(model)})


def _scoring(model: Any) -> list[Any]:
    """Give the nodes between what the segmenter gave and the outputs other than the labels."""
    segmenter = _ancestors(model, _SEGMENTER_OUTPUTS)
    scoring = _ancestors(model, set(OUTPUTS) - {'labels'}) - segmenter
    return [
        node
        for node in model.get_ordered_ops()
        if node.get_friendly_name() in scoring and not _projects_features(node)
    ]


def _projects_features(node: Any) -> bool:
    """Tell the convolutions that read the segmenter's wide maps, which are in its precision."""
    return node.get_type_name() == 'Convolution' and not node.input_value(0).get_names().isdisjoint(
        ('embedding', 'deep')
    )


def _ancestors(model: Any, wanted: Collection[str]) -> set[str]:
    """Name the nodes that values are made by."""
    outputs = (output for node in model.get_ops() for output in node.outputs())
    waiting = [out.get_node() for out in outputs if not out.get_names().isdisjoint(wanted)]
    found: set[str] = set()
    while waiting:
        node = waiting.pop()
        if node.get_friendly_name() not in found:
            found.add(node.get_friendly_name())
            waiting += [value.get_node() for value in node.input_values()]
    return found


def _marked(core: Any, model: Any, names: set[str]) -> Any:
    import openvino  # type: ignore[import-untyped]

    with TemporaryDirectory() as folder:
        graph, weights = Path(folder) / 'model.xml', Path(folder) / 'model.bin'
        openvino.serialize(model, graph, weights)
        tree = ElementTree.parse(graph)
        for layer in tree.iterfind('layers/layer'):
            if layer.get('name') in names:
                notes = layer.find('rt_info')
                if notes is None:
                    notes = ElementTree.SubElement(layer, 'rt_info')
                ElementTree.SubElement(notes, 'attribute', _KEPT)
        tree.write(graph)
        # The weights stay mapped after their file is gone.
        return core.read_model(graph)


def _older_resize(node: Any) -> Any:
    from openvino import opset10

    before, after = (
        np.array([port.get_partial_shape()[i].get_length() for i in (2, 3)])
        for port in (node.input(0), node.output(0))
    )
    scales = (after / before).astype(np.float32)
    return opset10.interpolate(
        node.input_value(0), after, scales, axes=np.array([2, 3]), **node.get_attributes()
    )


def _older_pad(node: Any) -> Any:
    from openvino import opset1

    data, begin, end, *value = node.input_values()
    return opset1.pad(data, begin, end, node.get_attributes()['pad_mode'], *value)


def _reshape(node: Any) -> Any:
    from openvino import opset1

    return opset1.reshape(node.input_value(0), np.array(node.get_output_shape(0)), False)


def _product(node: Any) -> Any:
    """Multiply by the reciprocal of a constant, or give None."""
    from openvino import opset1

    value, divisor = node.input_values()
    constant = divisor.get_node()
    if constant.get_type_name() != 'Constant' or not constant.get_element_type().is_real():
        return None
    return opset1.multiply(value, 1 / constant.get_data())


# The plugin lowers these to other nodes, and the exception would be lost on the way.
_REWRITES: dict[tuple[str, str], Callable[[Any], Any]] = {
    ('Interpolate', 'opset11'): _older_resize,
    ('Pad', 'opset12'): _older_pad,
    ('Unsqueeze', 'opset1'): _reshape,
    ('Squeeze', 'opset1'): _reshape,
    ('Divide', 'opset1'): _product,
}
