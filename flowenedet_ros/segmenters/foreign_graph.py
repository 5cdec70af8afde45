"""A foreign segmenter as one clean, fixed-shape ONNX graph that an export can merge."""

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from flowenedet_ros.segmenters.errors import SegmenterError
from flowenedet_ros.segmenters.foreign import KINDS, ForeignNetwork, OnnxNetwork, TorchScriptNetwork
from flowenedet_ros.segmenters.interface import FrozenSegmenter, SegmenterSpec

if TYPE_CHECKING:
    import onnx

OPSET = 18
PREFIX = 'segmenter/'


def standard_graph(segmenter: FrozenSegmenter, opset: int = OPSET) -> 'onnx.ModelProto':
    """Rewrite a foreign segmenter to this package's convention.

    The graph takes `images`, float32 (1, 3, H, W) in RGB order normalised with the spec's mean and
    std, and gives `logits` and, where the description names them, `embedding` and `deep`. Every
    other name starts with `segmenter/`, so that it can be merged with other graphs.

    :raises SegmenterError: where the segmenter is not foreign, or cannot be rewritten.
    """
    import onnx
    from onnx import compose, version_converter
    from onnxscript import optimizer

    network, spec = segmenter.network, segmenter.spec
    if not isinstance(network, ForeignNetwork):
        raise SegmenterError(f'{spec.architecture} is no foreign segmenter; use torch.onnx.export')
    try:
        model, image, outputs = _source(network, spec, opset)
        if _opset(model) != opset:
            model = version_converter.convert_version(model, opset)
        _fix_size(model, image, spec)
        model = optimizer.optimize(model)
    except Exception as error:
        height, width = spec.input_size
        raise SegmenterError(
            f'{network.description.file} cannot be brought to ONNX opset {opset}: {error}. Export '
            f'it anew with opset {opset} and a fixed input of {width}x{height} pixels.'
        ) from error
    model = compose.add_prefix(model, PREFIX)
    bgr = network.description.channel_order == 'bgr'
    before = _entry(model, PREFIX + image, spec, bgr=bgr)
    after = [
        _exit(model, PREFIX + name, kind, spec, drop=bool(network.description.extra_outputs))
        for kind, name in outputs.items()
    ]
    nodes = [before, *model.graph.node, *after]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model = onnx.shape_inference.infer_shapes(model)
    onnx.checker.check_model(model)
    return model


def _source(
    network: ForeignNetwork, spec: SegmenterSpec, opset: int
) -> tuple['onnx.ModelProto', str, dict[str, str]]:
    """Give the network as it came, its input's name, and its outputs' names by kind."""
    import onnx

    if isinstance(network, OnnxNetwork):
        named = zip(KINDS, network.names, strict=True)
        outputs = {kind: name for kind, name in named if name is not None}
        return onnx.load(network.description.file), network.input_name, outputs
    assert isinstance(network, TorchScriptNetwork)
    model = _exported_script(network, spec, opset)
    names = [output.name for output in model.graph.output]
    places = {kind: getattr(network.description.outputs, kind) for kind in KINDS}
    outputs = {kind: names[place] for kind, place in places.items() if place is not None}
    return model, model.graph.input[0].name, outputs


def _exported_script(
    network: TorchScriptNetwork, spec: SegmenterSpec, opset: int
) -> 'onnx.ModelProto':
    import onnx

    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        # Only the exporter that torch calls legacy takes TorchScript.
        warnings.simplefilter('ignore')
        path = Path(folder) / 'script.onnx'
        image = torch.zeros(1, 3, *spec.input_size)
        torch.onnx.export(network.script, (image,), path, dynamo=False, opset_version=opset)
        return onnx.load(path)


def _opset(model: 'onnx.ModelProto') -> int:
    versions = [e.version for e in model.opset_import if e.domain in ('', 'ai.onnx')]
    return int(max(versions))


def _fix_size(model: 'onnx.ModelProto', image: str, spec: SegmenterSpec) -> None:
    """Write the input's size down, and let shape inference find all others."""
    (value,) = (value for value in model.graph.input if value.name == image)
    dimensions = value.type.tensor_type.shape.dim
    for dimension, size in zip(dimensions, (1, 3, *spec.input_size), strict=True):
        dimension.dim_value = size
    for output in model.graph.output:
        output.type.tensor_type.ClearField('shape')


def _entry(
    model: 'onnx.ModelProto', image: str, spec: SegmenterSpec, *, bgr: bool
) -> 'onnx.NodeProto':
    """Make `images` the input, and give the node that leads to the network's own."""
    from onnx import TensorProto, helper

    del model.graph.input[:]
    shape = (1, 3, *spec.input_size)
    model.graph.input.append(helper.make_tensor_value_info('images', TensorProto.FLOAT, shape))
    if not bgr:
        return helper.make_node('Identity', ['images'], [image])
    order = _constant(model, 'rgb_to_bgr', [2, 1, 0])
    return helper.make_node('Gather', ['images', order], [image], axis=1)


def _exit(
    model: 'onnx.ModelProto', name: str, kind: str, spec: SegmenterSpec, *, drop: bool
) -> 'onnx.NodeProto':
    """Make `kind` an output, and give the node that leads to it from the network's own."""
    from onnx import TensorProto, helper

    if kind == KINDS[0]:
        del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info(kind, TensorProto.FLOAT, None))
    if kind != 'logits' or not drop:
        return helper.make_node('Identity', [name], [kind])
    bounds = {'first_class': 0, 'past_classes': len(spec.classes), 'class_axis': 1}
    inputs = [_constant(model, label, [value]) for label, value in bounds.items()]
    return helper.make_node('Slice', [name, *inputs], [kind])


def _constant(model: 'onnx.ModelProto', label: str, values: list[int]) -> str:
    from onnx import numpy_helper

    tensor = numpy_helper.from_array(np.array(values, np.int64), PREFIX + label)
    model.graph.initializer.append(tensor)
    return str(tensor.name)
