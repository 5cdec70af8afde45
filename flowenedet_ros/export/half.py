"""The fp16 file: the segmenter in half precision, everything around it in float32."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from flowenedet_ros.export.errors import ExportError
from flowenedet_ros.inference.backends.base import SEGMENTER_MARKS
from flowenedet_ros.inference.marks import PIXELS, segmenter_nodes

_LARGEST = float(np.finfo(np.float16).max)
# Inputs that stay float32 whatever the type of the first input.
_FLOAT_INPUTS = {'Resize': (1, 2)}
_HALF = '_fp16'


def to_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Copy a fused graph with its segmenter in half precision.

    TensorRT 11 takes the precision from the ONNX file alone, so that it has to be written there.

    :raises ExportError: when the result is no valid graph.
    """
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    _Conversion(copied).run()
    try:
        onnx.checker.check_model(copied, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f'the segmenter cannot be written in half precision: {error}') from error
    return copied


class _Conversion:
    """One graph on its way to half precision, changed in place."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.graph = model.graph
        self.nodes = segmenter_nodes(model)
        self.inside = {name for node in self.nodes for name in node.output}
        self.constants = {tensor.name: tensor for tensor in self.graph.initializer}
        self.renamed = {PIXELS: PIXELS + _HALF}
        self.added: list[onnx.TensorProto] = []

    def run(self) -> None:
        marks = [name for name in SEGMENTER_MARKS if name in self.inside]
        self.renamed |= {name: name + _HALF for name in marks}
        for node in self.nodes:
            self._convert(node)
        self.graph.initializer.extend(self.added)
        self._retype_values()
        self._cast(PIXELS, PIXELS + _HALF, TensorProto.FLOAT16, before=self.nodes[0])
        last = self.nodes[-1]
        for name in marks:
            self._cast(name + _HALF, name, TensorProto.FLOAT, after=last)
        self._drop_unused()

    def _convert(self, node: onnx.NodeProto) -> None:
        kept = _FLOAT_INPUTS.get(node.op_type, ())
        for i, name in enumerate(node.input):
            if name in self.renamed:
                node.input[i] = self.renamed[name]
            elif name in self.constants and i not in kept:
                node.input[i] = self._half_constant(name)
        for i, name in enumerate(node.output):
            node.output[i] = self.renamed.get(name, name)
        for attribute in node.attribute:
            if node.op_type == 'Cast' and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.FLOAT16
            elif attribute.HasField('t') and attribute.t.data_type == TensorProto.FLOAT:
                attribute.t.CopyFrom(_halved(attribute.t, attribute.t.name))

    def _half_constant(self, name: str) -> str:
        tensor = self.constants[name]
        if tensor.data_type != TensorProto.FLOAT:
            return name
        # A new name: the same constant may serve the float32 part.
        self.renamed[name] = name + _HALF
        self.added.append(_halved(tensor, name + _HALF))
        return name + _HALF

    def _retype_values(self) -> None:
        for info in self.graph.value_info:
            kind = info.type.tensor_type
            inner = info.name in self.inside and info.name not in SEGMENTER_MARKS
            if inner and kind.elem_type == TensorProto.FLOAT:
                kind.elem_type = TensorProto.FLOAT16

    def _cast(
        self,
        source: str,
        target: str,
        to: int,
        *,
        before: onnx.NodeProto | None = None,
        after: onnx.NodeProto | None = None,
    ) -> None:
        neighbour = before if before is not None else after
        place = next(i for i, node in enumerate(self.graph.node) if node == neighbour)
        node = helper.make_node('Cast', [source], [target], name=f'cast_{target}', to=to)
        self.graph.node.insert(place + (after is not None), node)

    def _drop_unused(self) -> None:
        used = {name for node in self.graph.node for name in node.input}
        unused = [tensor for tensor in self.graph.initializer if tensor.name not in used]
        for tensor in unused:
            self.graph.initializer.remove(tensor)


def _halved(tensor: onnx.TensorProto, name: str) -> onnx.TensorProto:
    array = numpy_helper.to_array(tensor)
    # Clipping bounds such as 3e38 become the largest half, not infinity.
    return numpy_helper.from_array(np.clip(array, -_LARGEST, _LARGEST).astype(np.float16), name)
