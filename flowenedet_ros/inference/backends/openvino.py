"""OpenVINO on the CPU: the default where there is no NVIDIA GPU."""

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
from flowenedet_ros.inference.backends.openvino_channels import reverse_by_pieces
from flowenedet_ros.inference.backends.openvino_decisions import blend_axis_by_axis
from flowenedet_ros.inference.backends.openvino_parts import cut
from flowenedet_ros.inference.errors import BackendError
from flowenedet_ros.inference.openvino_core import openvino_core
from flowenedet_ros.inference.perception import Thresholds

_KEPT_SHAPES = 4
_HINT = 'INFERENCE_PRECISION_HINT'
_DTYPES = {'u8': 'uint8', 'f32': 'float32', 'i32': 'int32'}


class OpenVinoBackend:
    """The fused graph, compiled once for each number and size of images.

    With an open size the resize before the segmenter could not be left out where the image has the
    network's size, and int8 kernels of processors with AMX fail on open sizes. So a camera of
    another size costs a compilation at its first frame; the few last used are kept.

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
        capabilities = self._core.get_property('CPU', 'OPTIMIZATION_CAPABILITIES')
        self._settings = _settings(precision, options, capabilities)
        try:
            self._model = self._core.read_model(path)
        except (RuntimeError, MemoryError) as error:
            raise BackendError(f'OpenVINO cannot read {path}: {in_words(error)}') from error
        check_signature(_declared(self._model.inputs), _declared(self._model.outputs), path)
        self.batches = self._model.input('image').partial_shape[0].is_dynamic
        self._sizes: dict[tuple[int, ...], _Compiled] = {}

    def infer(self, images: NDArray[np.uint8], thresholds: Thresholds) -> Outputs:
        """Run the graph; a number or size of images that was not seen yet is compiled for first."""
        try:
            return self._compiled(images.shape).run(images, thresholds)
        except (RuntimeError, MemoryError) as error:
            raise BackendError(f'OpenVINO failed on a frame: {in_words(error)}') from error

    def close(self) -> None:
        """Free the compiled graphs."""
        self._sizes.clear()

    def _compiled(self, shape: tuple[int, ...]) -> '_Compiled':
        compiled = self._sizes.pop(shape, None)
        if compiled is None:
            if len(self._sizes) >= _KEPT_SHAPES:
                del self._sizes[next(iter(self._sizes))]
            self._model.reshape({'image': list(shape)})
            compiled = _Compiled(self._core, self._model.clone(), self._settings)
        self._sizes[shape] = compiled  # last, as the one used last
        return compiled


class _Compiled:
    """The graph for one number and size of images.

    Where the segmenter is computed in bfloat16, the read-out is a model of its own in float32. One
    model is enough where all is float32, and takes less memory.

    :param model: with fixed shapes; it is used up.
    """

    def __init__(self, core: Any, model: Any, settings: dict[str, str | int]) -> None:
        reverse_by_pieces(model)
        blend_axis_by_axis(model)
        parts = cut(model) if settings[_HINT] == 'bf16' else None
        self._segmenter: Any = None
        if parts is None:
            self._readout = core.compile_model(model, 'CPU', settings).create_infer_request()
            return
        segmenter = core.compile_model(parts.segmenter, 'CPU', settings)
        exact = settings | {_HINT: 'f32'}
        readout = core.compile_model(parts.readout, 'CPU', exact)
        self._segmenter = segmenter.create_infer_request()
        self._readout = readout.create_infer_request()
        # The read-out takes what the segmenter gives where it lies.
        for value, given in zip(
            segmenter.outputs, readout.inputs[-len(segmenter.outputs) :], strict=True
        ):
            self._readout.set_tensor(given, self._segmenter.get_tensor(value))

    def run(self, images: NDArray[np.uint8], thresholds: Thresholds) -> Outputs:
        """Run the images of one call, (N, H, W, 3)."""
        feeds = {
            'idm_threshold': np.array([thresholds.idm], np.float32),
            'ood_threshold': np.array([thresholds.ood], np.float32),
        }
        if self._segmenter is None:
            results = self._readout.infer({'image': images, **feeds}, share_inputs=True)
        else:
            self._segmenter.infer({'image': images}, share_inputs=True, share_outputs=True)
            results = self._readout.infer(feeds)
        # Outputs are copied: their buffers are written again by the next frame.
        return Outputs(*(results[name] for name in OUTPUTS))


def _core() -> Any:
    try:
        core = openvino_core()
    except ImportError as error:
        raise BackendError(f'OpenVINO is not installed ({error}): pip install openvino') from error
    if 'CPU' not in core.available_devices:
        raise BackendError(f'OpenVINO finds no CPU device, only {core.available_devices}')
    return core


def _settings(
    precision: Precision, options: RuntimeOptions, capabilities: list[str]
) -> dict[str, str | int]:
    if precision == 'fp16':
        raise BackendError('OpenVINO computes in fp32, bf16 or int8 on a CPU, not in fp16')
    if precision == 'bf16' and 'BF16' not in capabilities:
        raise BackendError('this CPU has no bf16 arithmetic: choose fp32 or int8')
    # What is not quantized in an int8 file is fastest in bf16.
    fast = precision in ('bf16', 'int8') and 'BF16' in capabilities
    settings: dict[str, str | int] = {
        'PERFORMANCE_HINT': 'LATENCY',
        _HINT: 'bf16' if fast else 'f32',
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
