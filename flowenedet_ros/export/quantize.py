"""The int8 file: segmenter quantised on images in the form that TensorRT parses."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray

from flowenedet_ros.export.errors import ExportError
from flowenedet_ros.inference.marks import segmenter_nodes

QUANTISED = ('Conv', 'MatMul', 'Gemm')


def to_int8(model: onnx.ModelProto, images: Sequence[NDArray[np.uint8]]) -> onnx.ModelProto:
    """Quantise the segmenter of a fused graph; detector and decisions stay in float32.

    Signed symmetric scales, a pair of quantise and dequantise nodes for every edge and float
    biases: TensorRT refuses ONNX Runtime's defaults, and every CPU runtime takes this form.

    :param images: uint8 (H, W, 3) camera images that show what the activations range over.
    :raises ExportError: when there is no image.
    """
    from onnxruntime.quantization import QuantType, quantize_static  # type: ignore[import-untyped]

    if not len(images):
        raise ExportError('int8 needs images to calibrate on: give a folder with at least one')
    inside = {node.name for node in segmenter_nodes(model)}
    excluded = [node.name for node in model.graph.node if node.name not in inside]
    log = logging.getLogger()
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with TemporaryDirectory() as folder:
            target = Path(folder) / 'int8.onnx'
            quantize_static(
                model,
                str(target),
                _Images(images),
                activation_type=QuantType.QInt8,
                weight_type=QuantType.QInt8,
                per_channel=True,
                op_types_to_quantize=list(QUANTISED),
                nodes_to_exclude=excluded,
                extra_options={
                    'ActivationSymmetric': True,
                    'WeightSymmetric': True,
                    'QuantizeBias': False,
                    'DedicatedQDQPair': True,
                },
            )
            quantised = onnx.load(str(target))
    finally:
        log.setLevel(level)
    return quantised


class _Images:
    """Feed images one by one, as ONNX Runtime's calibration asks for them."""

    def __init__(self, images: Sequence[NDArray[np.uint8]]) -> None:
        self._images: Iterator[NDArray[np.uint8]] = iter(images)

    def get_next(self) -> dict[str, NDArray[np.generic]] | None:
        image = next(self._images, None)
        if image is None:
            return None
        threshold = np.array([0.5], np.float32)
        return {'image': image[None], 'idm_threshold': threshold, 'ood_threshold': threshold}
