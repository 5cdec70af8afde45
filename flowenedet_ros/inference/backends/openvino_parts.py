"""Cut a fused graph in two, so that only the segmenter is computed in a reduced precision."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from flowenedet_ros.inference.backends.base import SEGMENTER_MARKS

_IMAGE = 'image'
_WIDE = set(SEGMENTER_MARKS) - {'logits'}


@dataclass(frozen=True)
class Parts:
    """The two models of a frame, run one after the other.

    :param segmenter: takes the image; its results are what the read-out's last inputs take.
    :param readout: energies, flow, scores and decisions, from thresholds and those results.
    """

    segmenter: Any
    readout: Any


def cut(model: Any) -> Parts | None:
    """Take a fused graph apart where the segmenter ends; the model itself is used up.

    The projections of the segmenter's wide maps stay with it: they are in its precision, and
    what they give is small. Values cross the cut in float32 and planar layout, converted once.

    :param model: with fixed shapes.
    :returns: None where the graph names nothing of what its segmenter gives.
    """
    import openvino  # type: ignore[import-untyped]

    front = _front(model)
    if not front:
        return None
    from openvino import opset1

    crossing: dict[tuple[str, int], tuple[Any, Any]] = {}
    for port in _crossing(model, front):
        value = port.get_source_output()
        key = value.get_node().get_friendly_name(), value.get_index()
        if key not in crossing:
            given = opset1.parameter(list(value.get_shape()), value.get_element_type())
            crossing[key] = value, given
        port.replace_source_output(crossing[key][1].output(0))
    inputs = {port.get_any_name(): port.get_node() for port in model.inputs}
    image = inputs.pop(_IMAGE)
    values, given = zip(*crossing.values(), strict=True)
    results = [opset1.result(value) for value in values]
    return Parts(
        openvino.Model(results, [image], 'segmenter'),
        openvino.Model(model.get_results(), [*inputs.values(), *given], 'readout'),
    )


def _front(model: Any) -> set[str]:
    """Name the nodes of the segmenter and those that project its wide maps."""
    front = _ancestors(model, SEGMENTER_MARKS)
    for node in model.get_ordered_ops():
        if node.get_type_name() == 'Convolution' and node.input_value(0).get_names() & _WIDE:
            front.add(node.get_friendly_name())
            front.update(bias.get_friendly_name() for bias in _biases(node))
    return front


def _biases(convolution: Any) -> Iterator[Any]:
    """Give the addition of a constant that follows a convolution, where one does."""
    for port in convolution.output(0).get_target_inputs():
        node = port.get_node()
        kinds = {value.get_node().get_type_name() for value in node.input_values()}
        if node.get_type_name() == 'Add' and 'Constant' in kinds:
            yield node


def _crossing(model: Any, front: Collection[str]) -> Iterator[Any]:
    """Give the inputs of the read-out that the segmenter's nodes feed."""
    shared = ('Constant', 'Parameter')
    for node in model.get_ordered_ops():
        if node.get_friendly_name() not in front and node.get_type_name() not in shared:
            for port in node.inputs():
                maker = port.get_source_output().get_node()
                if maker.get_friendly_name() in front and maker.get_type_name() not in shared:
                    yield port


def _ancestors(model: Any, wanted: Collection[str]) -> set[str]:
    """Name the nodes that make the named values."""
    outputs = (output for node in model.get_ops() for output in node.outputs())
    waiting = [out.get_node() for out in outputs if not out.get_names().isdisjoint(wanted)]
    found: set[str] = set()
    while waiting:
        node = waiting.pop()
        if node.get_friendly_name() not in found:
            found.add(node.get_friendly_name())
            waiting += [value.get_node() for value in node.input_values()]
    return found
