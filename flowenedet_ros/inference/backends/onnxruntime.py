"""ONNX Runtime: the CPU reference, and its GPU execution providers."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.inference.backends.base import (
    OUTPUTS,
    Outputs,
    Precision,
    RuntimeOptions,
    check_signature,
)
from flowenedet_ros.inference.backends.messages import in_words
from flowenedet_ros.inference.backends.tensorrt.api import import_tensorrt
from flowenedet_ros.inference.errors import BackendError
from flowenedet_ros.inference.perception import Thresholds

_PROVIDERS = {
    'onnxruntime': 'CPUExecutionProvider',
    'onnxruntime-cuda': 'CUDAExecutionProvider',
    'onnxruntime-tensorrt': 'TensorrtExecutionProvider',
}
_DTYPES = {'tensor(uint8)': 'uint8', 'tensor(float)': 'float32', 'tensor(int32)': 'int32'}
_ERRORS_ONLY = 3


class OnnxRuntimeBackend:
    """The fused graph in an ONNX Runtime session.

    :param path: of the ONNX file.
    :param name: which execution provider, by backend name.
    :raises BackendError: when ONNX Runtime is missing or refuses the graph.
    :raises BundleError: when the file is not a fused graph.
    """

    def __init__(
        self,
        path: Path,
        precision: Precision,
        options: RuntimeOptions,
        name: str = 'onnxruntime',
    ) -> None:
        self.name = name
        self.precision = precision
        self.file = path
        self._session = open_session(path, name, options)
        self.device = 'CPU' if name == 'onnxruntime' else f'GPU {options.gpu_id}'
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        check_signature(_declared(inputs), _declared(outputs), path)
        self.batches = not isinstance(inputs[0].shape[0], int)

    def infer(self, images: NDArray[np.uint8], thresholds: Thresholds) -> Outputs:
        """Run the graph."""
        feeds = {
            'image': images,
            'idm_threshold': np.array([thresholds.idm], np.float32),
            'ood_threshold': np.array([thresholds.ood], np.float32),
        }
        try:
            return Outputs(*self._session.run(list(OUTPUTS), feeds))
        except Exception as error:  # its exceptions share no base class of their own
            raise BackendError(f'{self.name} failed on a frame: {in_words(error)}') from error

    def close(self) -> None:
        """Free the session."""
        self._session = None


def open_session(model: Path | bytes, name: str, options: RuntimeOptions) -> Any:
    """Open a graph in ONNX Runtime.

    :param model: an ONNX file, or what one holds.
    :param name: of the backend, which decides the execution provider.
    :raises BackendError: when ONNX Runtime is missing, lacks the provider or refuses the graph.
    """
    provider = _PROVIDERS[name]
    on_cpu = name == 'onnxruntime'
    try:
        import onnxruntime  # type: ignore[import-untyped]
    except ImportError as error:
        raise BackendError(
            f'ONNX Runtime is not installed ({error}): pip install onnxruntime'
        ) from error
    if provider not in onnxruntime.get_available_providers():
        raise BackendError(
            f'this ONNX Runtime has no {provider}: pip install onnxruntime-gpu in its place'
        )
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.log_severity_level = _ERRORS_ONLY
    # On a CPU one block planned for the whole graph comes on top of what the first frame took: a
    # quarter of the process's memory, for no time.
    settings.enable_mem_pattern = not on_cpu
    where = {}
    if not on_cpu:
        _load_gpu_libraries(onnxruntime, name)
        where['device_id'] = str(options.gpu_id)
    try:
        session = onnxruntime.InferenceSession(model, settings, providers=[(provider, where)])
    except Exception as error:  # its exceptions share no base class of their own
        what = 'the graph' if isinstance(model, bytes) else model
        raise BackendError(f'ONNX Runtime cannot run {what}: {in_words(error)}') from error
    if provider not in session.get_providers():
        raise BackendError(f'{provider} did not start: its CUDA libraries are missing or too old')
    return session


def _load_gpu_libraries(onnxruntime: Any, name: str) -> None:
    """Load what a provider needs from where pip puts it; what the system has needs no help."""
    if hasattr(onnxruntime, 'preload_dlls'):
        onnxruntime.preload_dlls()
    if name == 'onnxruntime-tensorrt':
        with suppress(BackendError):
            import_tensorrt('tensorrt')


def _declared(nodes: Any) -> dict[str, tuple[str, int]]:
    return {node.name: (_DTYPES.get(node.type, node.type), len(node.shape)) for node in nodes}
