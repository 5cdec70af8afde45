"""Order channels in the way that OpenVINO's CPU plugin does fastest; the results are the same."""

from typing import Any

import numpy as np


def reverse_by_pieces(model: Any) -> None:
    """Replace slices that reverse all channels by a split and a concatenation, in place.

    The plugin has a fast kernel for these and none for a negative step, and turning a frame's BGR
    to RGB so took 3 % of its time.

    :param model: with fixed shapes.
    """
    from openvino import opset1  # type: ignore[import-untyped]

    for node in model.get_ordered_ops():
        if _reverses_channels(node):
            value = node.input_value(0)
            pieces = opset1.split(value, np.int64(1), value.get_shape()[1]).outputs()
            node.output(0).replace(opset1.concat(pieces[::-1], 1).output(0))


def _reverses_channels(node: Any) -> bool:
    """Whether a node is a slice of step -1 along axis 1 that leaves nothing out."""
    if node.get_type_name() != 'Slice' or node.get_input_size() != 5:
        return False
    step, axis = (node.input_value(i).get_node() for i in (3, 4))
    if any(x.get_type_name() != 'Constant' or x.get_data().size != 1 for x in (step, axis)):
        return False
    where = [int(step.get_data().item()), int(axis.get_data().item())]
    return where == [-1, 1] and bool(node.get_output_shape(0) == node.get_input_shape(0))
