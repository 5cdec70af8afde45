"""OpenVINO on the CPU: the default where there is no NVIDIA GPU."""

from collections import OrderedDict
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
from flowenedet_ros.inference.errors import BackendError
from flowenedet_ros.inference.perception import Thresholds

_DTYPES = {'u8': 'uint8', 'f32': 'float32', 'i32': 'int32'}
# One shape for the camera and one for the golden images of the self-test.
_KEPT_SHAPES = 2


class OpenVinoBackend:
    """The fused graph, compiled once for each size of camera image.

    :param path: of the ONNX file.
    :raises BackendError: when OpenVINO is missing or refuses the graph.
    :raises BundleError: when the file is not a fused graph.
    """

    name = 'openvino'

    def __init__(self, path: Path, precision: Precision, options: RuntimeOptions) -> None:
        self.precision = precision
        self.file = path
        self._core = _core()
        self.device = str(self._core.get_property('CPU', 'FULL_DEVICE_NAME'))
        self._settings = _settings(precision, options, self.capabilities())
        try:
            self._model = self._core.read_model(path)
        except RuntimeError as error:
            raise BackendError(f'OpenVINO cannot read {path}: {error}') from error
        check_signature(_declared(self._model.inputs), _declared(self._model.outputs), path)
        self.batches = self._model.input('image').partial_shape[0].is_dynamic
        self._requests: OrderedDict[tuple[int, ...], Any] = OrderedDict()

    def capabilities(self) -> list[str]:
        """Precisions that the CPU computes in, as OpenVINO calls them."""
        return list(self._core.get_property('CPU', 'OPTIMIZATION_CAPABILITIES'))

    def infer(self, images: NDArray[np.uint8], thresholds: Thresholds) -> Outputs:
        """Run the graph; an image size that was not seen lately is compiled for first."""
        feeds = {
            'image': images,
            'idm_threshold': np.array([thresholds.idm], np.float32),
            'ood_threshold': np.array([thresholds.ood], np.float32),
        }
        try:
            # Outputs are copied: their buffers are written again by the next frame.
            results = self._request(images.shape).infer(feeds, share_inputs=True)
        except (RuntimeError, MemoryError) as error:
            raise BackendError(f'OpenVINO failed on a frame: {error}') from error
        return Outputs(*(results[name] for name in OUTPUTS))

    def close(self) -> None:
        """Free the compiled graphs."""
        self._requests.clear()

    def _request(self, shape: tuple[int, ...]) -> Any:
        if shape not in self._requests:
            self._model.reshape({'image': list(shape)})
            compiled = self._core.compile_model(self._model, 'CPU', self._settings)
            self._requests[shape] = compiled.create_infer_request()
            if len(self._requests) > _KEPT_SHAPES:
                self._requests.popitem(last=False)
        self._requests.move_to_end(shape)
        return self._requests[shape]


def _core() -> Any:
    try:
        import openvino  # type: ignore[import-untyped]
    except ImportError as error:
        raise BackendError(f'OpenVINO is not installed ({error}): pip install openvino') from error
    core = openvino.Core()
    if 'CPU' not in core.available_devices:
        raise BackendError(f'OpenVINO finds no CPU device, only {core.available_devices}')
    return core


def _settings(
    precision: Precision, options: RuntimeOptions, capabilities: list[str]
) -> dict[str, str | int]:
    bf16 = precision == 'bf16' or (precision == 'int8' and 'BF16' in capabilities)
    if precision == 'fp16':
        raise BackendError('OpenVINO computes in fp32, bf16 or int8 on a CPU, not in fp16')
    if bf16 and 'BF16' not in capabilities:
        raise BackendError('this CPU has no bf16 arithmetic: choose fp32 or int8')
    settings: dict[str, str | int] = {
        'PERFORMANCE_HINT': 'LATENCY',
        'INFERENCE_PRECISION_HINT': 'bf16' if bf16 else 'f32',
    }
    if options.threads:
        settings['INFERENCE_NUM_THREADS'] = options.threads
    return settings


def _declared(ports: Any) -> dict[str, tuple[str, int]]:
    return {
        port.get_any_name(): (
            _DTYPES.get(port.get_element_type().get_type_name(), 'another type'),
            port.get_partial_shape().rank.get_length(),
        )
        for port in ports
    }
