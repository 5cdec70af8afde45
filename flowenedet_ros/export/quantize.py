"""The int8 file: segmenter quantised on images in the form that TensorRT parses."""

import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray

from flowenedet_ros.export.errors import ExportError
from flowenedet_ros.inference.marks import segmenter_nodes

Images = Sequence[NDArray[np.uint8]]

QUANTISED = ('Conv', 'MatMul', 'Gemm')
_THRESHOLD = np.array([0.5], np.float32)


class Quantiser:
    """One graph with its whole segmenter in int8, of which any layers can be put back in float32.

    :param images: uint8 (H, W, 3) camera images that show what the activations range over.
    :raises ExportError: when there is no image.
    """

    def __init__(self, model: onnx.ModelProto, images: Images) -> None:
        self.model = model
        self._all = to_int8(model, images)
        self._inputs = {node.name: list(node.input) for node in model.graph.node}
        self._weights = {tensor.name: tensor for tensor in model.graph.initializer}
        self.layers = tuple(n.name for n in segmenter_nodes(model) if n.op_type in QUANTISED)
        """Names of the segmenter's convolutions and matrix products, in their order."""

    def quantise(self, layers: Collection[str]) -> onnx.ModelProto:
        """Give the graph with these layers in int8 and everything else in float32."""
        mixed = _copy(self._all)
        for node in mixed.graph.node:
            # Sums and the detector, too, are to read what was never rounded.
            if node.name in self._inputs and node.name not in layers:
                node.input[:] = self._inputs[node.name]
        self._tidy(mixed.graph)
        return mixed

    def _tidy(self, graph: onnx.GraphProto) -> None:
        """Drop what nobody reads any more and bring back the weights that somebody reads again."""
        read = {output.name for output in graph.output}
        kept = []
        for node in reversed(graph.node):
            if read.intersection(node.output):
                read.update(node.input)
                kept.append(node)
        del graph.node[:]
        graph.node.extend(kept[::-1])
        constants = self._weights | {tensor.name: tensor for tensor in graph.initializer}
        needed = [constants[name] for name in sorted(read & constants.keys())]
        del graph.initializer[:]
        graph.initializer.extend(needed)


def to_int8(model: onnx.ModelProto, images: Images) -> onnx.ModelProto:
    """Quantise the whole segmenter of a fused graph; detector and decisions stay in float32.

    Signed symmetric scales, a pair of quantise and dequantise nodes for every edge and float
    biases: TensorRT refuses ONNX Runtime's defaults, and every CPU runtime takes this form. Only
    what convolutions read is quantised: their own outputs range far wider than what the
    activation behind them lets through.

    :raises ExportError: when there is no image.
    """
    from onnxruntime.quantization import QuantType, quantize_static  # type: ignore[import-untyped]

    if not len(images):
        raise ExportError('int8 needs images to calibrate on: give a folder with at least one')
    inside = {node.name for node in segmenter_nodes(model)}
    with TemporaryDirectory() as folder, _errors_only():
        target = Path(folder) / 'int8.onnx'
        quantize_static(
            _copy(model),  # it changes what it is given
            str(target),
            _Feeder(images),
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=list(QUANTISED),
            nodes_to_exclude=[n.name for n in model.graph.node if n.name not in inside],
            extra_options={
                'ActivationSymmetric': True,
                'WeightSymmetric': True,
                'QuantizeBias': False,
                'DedicatedQDQPair': True,
                'OpTypesToExcludeOutputQuantization': list(QUANTISED),
            },
        )
        return onnx.load(str(target))


def feed(image: NDArray[np.uint8]) -> dict[str, NDArray[np.generic]]:
    """Give the inputs of a fused graph for one image."""
    return {'image': image[None], 'idm_threshold': _THRESHOLD, 'ood_threshold': _THRESHOLD}


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    return copied


@contextmanager
def _errors_only() -> Iterator[None]:
    log = logging.getLogger()
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


class _Feeder:
    """Feed images one by one, as ONNX Runtime's calibration asks for them."""

    def __init__(self, images: Images) -> None:
        self._images = iter(images)

    def get_next(self) -> dict[str, NDArray[np.generic]] | None:
        image = next(self._images, None)
        return None if image is None else feed(image)
