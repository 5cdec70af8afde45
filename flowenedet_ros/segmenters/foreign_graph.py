"""A foreign ONNX segmenter as one clean, fixed-shape graph that an export can merge."""

from typing import TYPE_CHECKING

import numpy as np

from flowenedet_ros.segmenters.errors import SegmenterError
from flowenedet_ros.segmenters.foreign import KINDS, OnnxNetwork
from flowenedet_ros.segmenters.interface import FrozenSegmenter

if TYPE_CHECKING:
    import onnx

OPSET = 18
PREFIX = 'segmenter/'


def standard_graph(segmenter: FrozenSegmenter, opset: int = OPSET) -> 'onnx.ModelProto':
    """Rewrite a foreign ONNX segmenter to this package's convention.

    The graph takes `images`, float32 (1, 3, H, W) in RGB order normalised with the spec's mean and
    std, and gives `logits` and, where the description names them, `embedding` and `deep`. Every
    other name starts with `segmenter/`, so that it can be merged with other graphs.

    :raises SegmenterError: where the segmenter is no foreign ONNX, or cannot be rewritten.
    """
    import onnx
    from onnx import compose, version_converter
    from onnxscript import optimizer

    network = segmenter.network
    if not isinstance(network, OnnxNetwork):
        raise SegmenterError(
            f'{segmenter.spec.architecture} is no ONNX segmenter; export it with torch.onnx'
        )
    model = onnx.load(network.description.file)
    try:
        if _opset(model) != opset:
            model = version_converter.convert_version(model, opset)
        _fix_size(model, network, segmenter)
        model = optimizer.optimize(model)
    except Exception as error:
        raise SegmenterError(
            f'{network.description.file} cannot be brought to ONNX opset {opset}: {error}. Export '
            f'it anew with opset {opset} and a fixed {segmenter.spec.input_size} input.'
        ) from error
    model = compose.add_prefix(model, PREFIX)
    _attach(model, network, segmenter)
    onnx.checker.check_model(model)
    return onnx.shape_inference.infer_shapes(model)


def _opset(model: 'onnx.ModelProto') -> int:
    versions = [e.version for e in model.opset_import if e.domain in ('', 'ai.onnx')]
    return int(max(versions))


def _fix_size(model: 'onnx.ModelProto', network: OnnxNetwork, segmenter: FrozenSegmenter) -> None:
    """Write the input's size down, and let shape inference find all others."""
    (image,) = (value for value in model.graph.input if value.name == network.input_name)
    for dimension, size in zip(
        image.type.tensor_type.shape.dim, (1, 3, *segmenter.spec.input_size), strict=True
    ):
        dimension.dim_value = size
    for output in model.graph.output:
        output.type.tensor_type.ClearField('shape')


def _attach(model: 'onnx.ModelProto', network: OnnxNetwork, segmenter: FrozenSegmenter) -> None:
    """Put the channel flip before the network, and the dropping of extra logits after it."""
    from onnx import TensorProto, helper, numpy_helper

    graph, spec = model.graph, segmenter.spec
    order = [2, 1, 0] if network.description.channel_order == 'bgr' else [0, 1, 2]
    before = []
    if order == [0, 1, 2]:
        before.append(helper.make_node('Identity', ['images'], [PREFIX + network.input_name]))
    else:
        indices = numpy_helper.from_array(np.array(order, np.int64), PREFIX + 'rgb_to_bgr')
        graph.initializer.append(indices)
        before.append(
            helper.make_node(
                'Gather', ['images', indices.name], [PREFIX + network.input_name], axis=1
            )
        )
    after = []
    for kind, name in zip(KINDS, network.names, strict=True):
        if name is None:
            continue
        if kind == 'logits' and network.description.extra_outputs:
            bounds = ([0], [len(spec.classes)], [1])
            names = []
            for label, bound in zip(('from', 'to', 'axis'), bounds, strict=True):
                tensor = numpy_helper.from_array(
                    np.array(bound, np.int64), f'{PREFIX}classes_{label}'
                )
                graph.initializer.append(tensor)
                names.append(tensor.name)
            after.append(helper.make_node('Slice', [PREFIX + name, *names], [kind]))
        else:
            after.append(helper.make_node('Identity', [PREFIX + name], [kind]))
    nodes = [*before, *graph.node, *after]
    del graph.node[:], graph.input[:], graph.output[:]
    graph.node.extend(nodes)
    shape = (1, 3, *spec.input_size)
    graph.input.append(helper.make_tensor_value_info('images', TensorProto.FLOAT, shape))
    found = [kind for kind, name in zip(KINDS, network.names, strict=True) if name is not None]
    graph.output.extend(
        helper.make_tensor_value_info(kind, TensorProto.FLOAT, None) for kind in found
    )
