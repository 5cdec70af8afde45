"""The int8 file: segmenter quantised on images in the form that TensorRT parses."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray

from flowenedet_ros.export.errors import ExportError
from flowenedet_ros.inference.backends.base import SEGMENTER_MARKS
from flowenedet_ros.inference.marks import PIXELS, segmenter_nodes

Images = Sequence[NDArray[np.uint8]]

QUANTISED = ('Conv', 'MatMul', 'Gemm')
_THRESHOLD = np.array([0.5], np.float32)


def to_int8(model: onnx.ModelProto, images: Images) -> onnx.ModelProto:
    """Quantise the segmenter of a fused graph; detector and decisions stay in float32.

    First, last and depthwise layers stay in float32 too: they hold few of the operations and most
    of the harm to the scores, and CPU runtimes are slower at depthwise ones in int8.

    Signed symmetric scales, a pair of quantise and dequantise nodes for every edge and float
    biases: TensorRT refuses ONNX Runtime's defaults, and every CPU runtime takes this form. Only
    what convolutions read is quantised: their own outputs range far wider than what the
    activation behind them lets through.

    :param images: uint8 (H, W, 3) camera images that show what the activations range over.
    :raises ExportError: when there is no image.
    """
    from onnxruntime.quantization import QuantType, quantize_static  # type: ignore[import-untyped]

    if not len(images):
        raise ExportError('int8 needs images to calibrate on: give a folder with at least one')
    named = _copy(model)
    for number, node in enumerate(named.graph.node):
        node.name = node.name or f'unnamed_{number}'
    layers = int8_layers(named)
    with TemporaryDirectory() as folder, _errors_only():
        target = Path(folder) / 'int8.onnx'
        quantize_static(
            _copy(named),  # it changes what it is given
            str(target),
            _Feeder(images),
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=list(QUANTISED),
            nodes_to_exclude=[n.name for n in named.graph.node if n.name not in layers],
            extra_options={
                'ActivationSymmetric': True,
                'WeightSymmetric': True,
                'QuantizeBias': False,
                'DedicatedQDQPair': True,
                'OpTypesToExcludeOutputQuantization': list(QUANTISED),
            },
        )
        quantised = onnx.load(str(target))
    _unround(quantised.graph, named.graph, layers)
    return quantised


def int8_layers(model: onnx.ModelProto) -> set[str]:
    """Name the convolutions and matrix products that an int8 file quantises."""
    nodes = segmenter_nodes(model)
    layers = [node for node in nodes if node.op_type in QUANTISED]
    before, after = {PIXELS}, {SEGMENTER_MARKS[0]}
    for node in nodes:
        if node not in layers and before.intersection(node.input):
            before.update(node.output)
    for node in reversed(nodes):
        if node not in layers and after.intersection(node.output):
            after.update(node.input)
    return {
        node.name
        for node in layers
        if not before.intersection(node.input)
        and not after.intersection(node.output)
        and not any(item.name == 'group' and item.i > 1 for item in node.attribute)
    }


def _unround(graph: onnx.GraphProto, original: onnx.GraphProto, layers: set[str]) -> None:
    """Let everything but the quantised layers read what was never rounded.

    A value that one layer reads in int8 is rounded for its other readers too: sums, detector.
    """
    inputs = {node.name: node.input for node in original.node}
    for node in graph.node:
        if node.name in inputs and node.name not in layers:
            node.input[:] = inputs[node.name]
    read = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if read.intersection(node.output):
            read.update(node.input)
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept[::-1])
    constants = {tensor.name: tensor for part in (original, graph) for tensor in part.initializer}
    needed = [constants[name] for name in sorted(read & constants.keys())]
    del graph.initializer[:]
    graph.initializer.extend(needed)


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
        if image is None:
            return None
        return {'image': image[None], 'idm_threshold': _THRESHOLD, 'ood_threshold': _THRESHOLD}
