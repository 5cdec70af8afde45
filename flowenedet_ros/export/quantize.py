"""The int8 file: segmenter quantised on images in the form that TensorRT parses."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from flowenedet_ros.export.agreement import correlation
from flowenedet_ros.export.errors import ExportError
from flowenedet_ros.inference.marks import segmenter_nodes
from flowenedet_ros.inference.self_test import LEAST_AGREEMENT, LEAST_CORRELATION

Images = Sequence[NDArray[np.uint8]]
Maps = list[NDArray[Any]]

QUANTISED = ('Conv', 'MatMul', 'Gemm')
LEVELS = 3
_EDGES = ((0, 0), (1, 1), (6, 8))  # first and last convolutions kept in float, by level
_JUDGED = 4


def to_faithful_int8(model: onnx.ModelProto, images: Images) -> onnx.ModelProto:
    """Quantise as much of the segmenter as its labels and scores bear.

    Sensitive layers stay in float level by level until the graph agrees with the fp32 one on some
    of the images as a self-test wants it; the last level is returned in any case.

    :param images: uint8 (H, W, 3) camera images that show what the activations range over.
    :raises ExportError: when there is no image.
    """
    judged = [images[i] for i in range(0, len(images), max(1, len(images) // _JUDGED))]
    wanted = _run(model, judged)
    quantised = model
    for level in range(LEVELS):
        quantised = to_int8(model, images, level)
        if _agree(wanted, _run(quantised, judged)):
            break
    return quantised


def to_int8(model: onnx.ModelProto, images: Images, level: int = 0) -> onnx.ModelProto:
    """Quantise the segmenter of a fused graph; detector and decisions stay in float32.

    Signed symmetric scales, a pair of quantise and dequantise nodes for every edge and float
    biases: TensorRT refuses ONNX Runtime's defaults, and every CPU runtime takes this form. Only
    what convolutions read is quantised: their own outputs range far wider than what the
    activation behind them lets through.

    :param images: uint8 (H, W, 3) camera images that show what the activations range over.
    :param level: 0 quantises every convolution and matrix product; 1 keeps depthwise, first and
        last convolutions in float; 2 keeps more of the first and last.
    :raises ExportError: when there is no image.
    """
    from onnxruntime.quantization import QuantType, quantize_static  # type: ignore[import-untyped]

    if not len(images):
        raise ExportError('int8 needs images to calibrate on: give a folder with at least one')
    inside = {node.name for node in segmenter_nodes(model)} - _kept_in_float(model, level)
    log = logging.getLogger()
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with TemporaryDirectory() as folder:
            target = Path(folder) / 'int8.onnx'
            # It changes what it is given.
            given = onnx.ModelProto()
            given.CopyFrom(model)
            quantize_static(
                given,
                str(target),
                _Images(images),
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
    finally:
        log.setLevel(before)


def _kept_in_float(model: onnx.ModelProto, level: int) -> set[str]:
    if level == 0:
        return set()
    convolutions = [node for node in segmenter_nodes(model) if node.op_type == 'Conv']
    depthwise = {
        node.name
        for node in convolutions
        if any(item.name == 'group' and item.i > 1 for item in node.attribute)
    }
    first, last = _EDGES[level]
    edges = (*convolutions[:first], *convolutions[-last:])
    return depthwise | {node.name for node in edges}


def _run(model: onnx.ModelProto, images: Images) -> list[Maps]:
    import onnxruntime  # type: ignore[import-untyped]

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=['CPUExecutionProvider']
    )
    names = ['labels', 'idm_score', 'ood_score']
    feeder = _Images(images)
    return [session.run(names, feeder.get_next()) for _ in images]


def _agree(wanted: Sequence[Maps], found: Sequence[Maps]) -> bool:
    pairs = list(zip(wanted, found, strict=True))
    labels = np.mean([np.mean(a[0] == b[0]) for a, b in pairs])
    correlations = [
        correlation(
            *(np.concatenate([maps[i].ravel() for maps in side]) for side in (wanted, found))
        )
        for i in (1, 2)
    ]
    return bool(labels >= LEAST_AGREEMENT and min(correlations) >= LEAST_CORRELATION)


class _Images:
    """Feed images one by one, as ONNX Runtime's calibration asks for them."""

    def __init__(self, images: Images) -> None:
        self._images: Iterator[NDArray[np.uint8]] = iter(images)

    def get_next(self) -> dict[str, NDArray[np.generic]] | None:
        image = next(self._images, None)
        if image is None:
            return None
        threshold = np.array([0.5], np.float32)
        return {'image': image[None], 'idm_threshold': threshold, 'ood_threshold': threshold}
