"""Decide in the way that OpenVINO's CPU plugin does fastest; the results are the same."""

from functools import reduce
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Of larger steps there are more shifted maps than a convolution takes time.
_LARGEST_STRIDE = 4
_CHAIN = ('Convert', 'Squeeze', 'TopK', 'Reshape', 'GroupConvolution', 'Pad')


def blend_axis_by_axis(model: Any) -> None:
    """Replace the convolution that enlarges logits before their argmax, in place.

    It gives channels-last maps, and reordering them for the argmax takes longer than the whole
    detector. Sums of shifted maps become a few kernels that need no reordering, for the same
    labels.

    :param model: with fixed shapes; one without such a convolution is left as it is.
    """
    from openvino import opset1  # type: ignore[import-untyped]

    for node in model.get_ordered_ops():
        chain = _chain(node) if node.get_type_name() == 'DepthToSpace' else []
        taps = _taps(chain[_CHAIN.index('GroupConvolution')]) if chain else None
        if taps is None:
            continue
        columns = _blends(chain[-1].output(0), 3, taps)
        rows = zip(*(_blends(column, 2, taps) for column in columns), strict=True)
        topk = chain[_CHAIN.index('TopK')]
        classes = [opset1.convert(_argmax(cell, topk), 'f32') for row in rows for cell in row]
        node.input(0).replace_source_output(opset1.concat(classes, 1).output(0))


def _chain(node: Any) -> list[Any]:
    """Follow the first inputs as far as they are what argmax over enlarged logits is made of."""
    found = []
    for kind in _CHAIN:
        node = node.input_value(0).get_node()
        if node.get_type_name() != kind:
            return []
        found.append(node)
    return found


def _taps(convolution: Any) -> NDArray[np.float32] | None:
    """Give the weights of the three cells for each pixel along an axis, (stride, 3)."""
    constant = convolution.input_value(1).get_node()
    while constant.get_type_name() == 'Reshape':
        constant = constant.input_value(0).get_node()
    if constant.get_type_name() != 'Constant':
        return None
    groups = convolution.get_input_shape(1)[0]
    kernels = constant.get_data().reshape(groups, -1, 3, 3)
    stride = isqrt(kernels.shape[1])
    taps: NDArray[np.float32] = kernels[0, :stride].sum(axis=1)
    wanted = (taps[:, None, :, None] * taps[None, :, None, :]).reshape(-1, 3, 3)
    alike = kernels.shape[1] == stride**2 and np.allclose(kernels, wanted, atol=1e-6)
    return taps if alike and stride <= _LARGEST_STRIDE else None


def _blends(maps: Any, axis: int, taps: NDArray[np.float32]) -> list[Any]:
    """Sum neighbours along an axis by the weights of each pixel."""
    from openvino import opset1, opset8

    inner = maps.get_shape()[axis] - 2
    begins = (np.array([i]) for i in range(3))
    one, axes = np.array([1]), np.array([axis])
    shifted = [opset8.slice(maps, begin, begin + inner, one, axes) for begin in begins]
    blends = []
    for weights in taps:
        parts = [opset1.multiply(shifted[i], weights[i]) for i in np.flatnonzero(weights)]
        blends.append(reduce(opset1.add, parts).output(0))
    return blends


def _argmax(cell: Any, topk: Any) -> Any:
    from openvino import opset11

    return opset11.topk(cell, np.int64(1), **topk.get_attributes()).output(1)
