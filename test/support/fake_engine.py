"""A stand-in for TensorRT's runtime whose engines run the same ONNX file in ONNX Runtime.

Builder, parser and engine files are the real ones of `tensorrt_rtx`; only what needs a GPU is
replaced. An engine that it loads computes on the host, in the fake CUDA runtime's memory.
"""

import ctypes
from pathlib import Path

import numpy as np
import onnxruntime
import tensorrt_rtx

from flowenedet_ros.inference.backends.base import INPUTS, OUTPUTS
from support.fake_cuda import FakeCudart

_DTYPES = {**INPUTS, **OUTPUTS}


class FakeTensorRt:
    """`tensorrt_rtx` with a runtime that needs no GPU.

    :param model: the ONNX file that every loaded engine runs.
    :param least, largest: shapes of `image` that the engines take.
    """

    def __init__(
        self,
        cudart: FakeCudart,
        model: Path,
        least: tuple[int, ...] = (1, 16, 16, 3),
        largest: tuple[int, ...] = (2, 240, 320, 3),
    ) -> None:
        self.cudart = cudart
        self.model = model
        self.least, self.largest = least, largest
        self.refused: set[bytes] = set()
        self.built = 0

    def __getattr__(self, name):
        return getattr(tensorrt_rtx, name)

    def Runtime(self, logger):
        assert self.cudart.gpus, 'a Runtime was made without a GPU: this can end the process'
        return _Runtime(self)


class _Runtime:
    def __init__(self, trt: FakeTensorRt) -> None:
        self.trt = trt

    def deserialize_cuda_engine(self, content):
        return None if content in self.trt.refused else _Engine(self.trt)


class _Engine:
    def __init__(self, trt: FakeTensorRt) -> None:
        self.trt = trt
        self.num_io_tensors = len(_DTYPES)

    def get_tensor_name(self, index):
        return list(_DTYPES)[index]

    def get_tensor_profile_shape(self, name, profile):
        return [self.trt.least, self.trt.largest, self.trt.largest]

    def create_execution_context(self):
        return _Context(self.trt)


class _Context:
    def __init__(self, trt: FakeTensorRt) -> None:
        self.trt = trt
        self.session = onnxruntime.InferenceSession(
            str(trt.model), providers=['CPUExecutionProvider']
        )
        self.addresses: dict[str, int] = {}
        self.shapes = {'idm_threshold': (1,), 'ood_threshold': (1,)}

    def set_input_shape(self, name, shape):
        self.shapes[name] = tuple(shape)
        return True

    def get_tensor_shape(self, name):
        if name in self.shapes:
            return self.shapes[name]
        known = {node.name: node.shape for node in self.session.get_outputs()}[name]
        return (self.shapes['image'][0], *known[1:])

    def set_tensor_address(self, name, address):
        self.addresses[name] = address
        return True

    def execute_async_v3(self, stream_handle):
        self.trt.cudart.queue(self._run)
        return True

    def _run(self):
        feeds = {name: self._memory(name) for name in INPUTS}
        outputs = self.session.run(list(OUTPUTS), feeds)
        for name, value in zip(OUTPUTS, outputs, strict=True):
            self._memory(name)[...] = value

    def _memory(self, name):
        dtype = np.dtype(_DTYPES[name][0])
        shape = self.get_tensor_shape(name)
        size = int(np.prod(shape)) * dtype.itemsize
        array = np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(self.addresses[name]))
        return array.view(dtype).reshape(shape)
