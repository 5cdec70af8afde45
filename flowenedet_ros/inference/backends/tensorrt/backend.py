"""The fused graph in TensorRT."""

import hashlib
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.inference.backends.base import Outputs, Precision, RuntimeOptions
from flowenedet_ros.inference.backends.messages import in_words
from flowenedet_ros.inference.backends.tensorrt.api import import_tensorrt, message_log
from flowenedet_ros.inference.backends.tensorrt.builder import build_engine
from flowenedet_ros.inference.backends.tensorrt.cuda import Cuda, import_cudart
from flowenedet_ros.inference.backends.tensorrt.engine import Engine
from flowenedet_ros.inference.engine_cache import EngineCache, EngineKey
from flowenedet_ros.inference.errors import BackendError
from flowenedet_ros.inference.perception import Thresholds

if TYPE_CHECKING:
    import tensorrt


class TensorRtBackend:
    """Load the engine of a model from the cache, or build it there first.

    :param path: of the ONNX file.
    :param name: 'tensorrt' or 'tensorrt_rtx', also the module's name.
    :param trt: the module, for tests.
    :param cudart: `cuda.bindings.runtime`, for tests.
    :raises BackendError: when a library, driver or GPU is missing, or the build fails.
    """

    def __init__(
        self,
        path: Path,
        precision: Precision,
        options: RuntimeOptions,
        name: str = 'tensorrt',
        trt: Any = None,
        cudart: Any = None,
    ) -> None:
        if precision == 'bf16':
            raise BackendError('TensorRT takes its precision from the file: fp32, fp16 or int8')
        if options.dla_core is not None and precision == 'fp32':
            # It would leave every layer to the GPU without a word.
            raise BackendError('deep-learning accelerators compute no fp32: choose fp16')
        self.name = name
        self.precision: Precision = precision
        self._trt = trt or import_tensorrt(name)
        # Before any TensorRT object: without a driver some of them end the process.
        self._cuda = Cuda(cudart or import_cudart(), options.gpu_id)
        self.device = self._cuda.name()
        try:
            self._engine = self._open(path, options)
        except BaseException:
            self._cuda.close()
            raise
        self.batches = self._engine.largest[0] > 1

    def infer(self, images: NDArray[np.uint8], thresholds: Thresholds) -> Outputs:
        """Run the graph."""
        return self._engine.run(images, thresholds)

    def close(self) -> None:
        """Free what the GPU holds."""
        self._engine.close()

    def _open(self, path: Path, options: RuntimeOptions) -> Engine:
        self._runtime: tensorrt.Runtime = self._trt.Runtime(message_log(self._trt).logger)
        if options.dla_core is not None:
            self._runtime.DLA_core = options.dla_core
        cache = EngineCache(options.engine_cache, options.on_bad_engine)
        build = partial(build_engine, self._trt, path, options, self._timings(cache))
        key = self._key(path, options)
        self.file = cache.path(key)
        return Engine(cache.get(key, build, self._deserialize), self._cuda)

    def _deserialize(self, content: bytes) -> 'tensorrt.ICudaEngine':
        engine = self._runtime.deserialize_cuda_engine(content)
        if engine is None:
            raise BackendError(in_words(message_log(self._trt).take()))
        return engine

    def _key(self, path: Path, options: RuntimeOptions) -> EngineKey:
        return EngineKey(
            model_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            runtime=f'{self.name} {self._trt.__version__}',
            gpu=self.device,
            precision=self.precision,
            shapes=f'camera {options.camera} largest {options.largest_image} x{options.batch}',
            flags=f'workspace {options.workspace_mb} MB, DLA {options.dla_core}',
        )

    def _timings(self, cache: EngineCache) -> Path | None:
        if self.name == 'tensorrt_rtx':  # it has none
            return None
        words = f'{self._trt.__version__} {self.device}'
        return cache.folder / (re.sub(r'[^\w.]+', '-', words) + '.timing')
