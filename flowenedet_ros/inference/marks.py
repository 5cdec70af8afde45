"""Names inside a fused graph that calibration, evaluation and benchmark rely on. Needs onnx."""

from collections.abc import Iterable

import onnx
from onnx import numpy_helper

from flowenedet_ros.inference.backends.base import SEGMENTER_MARKS
from flowenedet_ros.inference.errors import BundleError
from flowenedet_ros.inference.manifest import ScoreMap

READOUT_MARKS = ('clean_logits', 'idm_raw', 'ood_raw')
"""Finite logits, and the log-odds before calibration."""
PIXELS = 'pixels'
"""The normalised network input."""
MARKS = (PIXELS, *SEGMENTER_MARKS, *READOUT_MARKS)
CALIBRATION = ('idm_scale', 'idm_offset', 'ood_scale', 'ood_offset')
"""Initializers that turn log-odds into scores; see `set_calibration`."""


def marked_values(model: onnx.ModelProto) -> dict[str, onnx.ValueInfoProto]:
    """Give name and type of the marked values that a graph has."""
    known = {info.name: info for info in model.graph.value_info}
    return {name: known[name] for name in MARKS if name in known}


def with_outputs(model: onnx.ModelProto, names: Iterable[str]) -> onnx.ModelProto:
    """Copy a graph and append marked values to its outputs.

    :raises BundleError: when the graph has no such value.
    """
    names = list(names)
    marked = marked_values(model)
    missing = [name for name in names if name not in marked]
    if missing:
        raise BundleError(
            f'the graph has no value {missing[0]}, only {", ".join(marked)}: '
            'write the file again with `flowenedet export`'
        )
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    copied.graph.output.extend(marked[name] for name in names)
    return copied


def set_calibration(model: onnx.ModelProto, idm: ScoreMap, ood: ScoreMap) -> None:
    """Write scale and offset of both scores into a graph.

    :raises BundleError: when the graph has no such initializers.
    """
    values = dict(zip(CALIBRATION, (idm.scale, idm.offset, ood.scale, ood.offset), strict=True))
    places = {tensor.name: tensor for tensor in model.graph.initializer}
    for name, value in values.items():
        if name not in places:
            raise BundleError(
                f'the graph has no initializer {name}: write it again with `flowenedet export`'
            )
        array = numpy_helper.to_array(places[name])
        filled = array * 0 + array.dtype.type(value)
        places[name].CopyFrom(numpy_helper.from_array(filled, name))


def get_calibration(model: onnx.ModelProto) -> tuple[ScoreMap, ScoreMap]:
    """Read what `set_calibration` wrote."""
    found = {
        tensor.name: float(numpy_helper.to_array(tensor).item())
        for tensor in model.graph.initializer
        if tensor.name in CALIBRATION
    }
    idm_scale, idm_offset, ood_scale, ood_offset = (found[name] for name in CALIBRATION)
    return ScoreMap(idm_scale, idm_offset), ScoreMap(ood_scale, ood_offset)


def segmenter_nodes(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """Give the nodes between the normalised pixels and what the segmenter gave, in their order.

    :raises BundleError: when the graph does not name these places.
    """
    marked = marked_values(model)
    if PIXELS not in marked or SEGMENTER_MARKS[0] not in marked:
        raise BundleError(
            'the graph does not say where its segmenter is: write it again with `flowenedet export`'
        )
    wanted = {name for name in SEGMENTER_MARKS if name in marked}
    before = _names_of(_ancestors(model, {PIXELS}))
    nodes = _ancestors(model, wanted)
    return [node for node in nodes if not before.intersection(node.output)]


def _ancestors(model: onnx.ModelProto, wanted: set[str]) -> list[onnx.NodeProto]:
    needed = set(wanted)
    nodes = []
    for node in reversed(model.graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            nodes.append(node)
    return nodes[::-1]


def _names_of(nodes: list[onnx.NodeProto]) -> set[str]:
    return {name for node in nodes for name in node.output}
