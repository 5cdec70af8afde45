"""The few CUDA runtime calls that are needed, with errors raised and memory as numpy arrays."""

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.inference.errors import BackendError


def import_cudart() -> Any:
    """Import the CUDA runtime's own Python binding.

    :raises BackendError: naming the package to install.
    """
    try:
        from cuda.bindings import runtime  # type: ignore[import-untyped]
    except ImportError as error:
        raise BackendError(
            f'cuda.bindings is not installed ({error}): pip install cuda-python, '
            "of the same major version as the machine's CUDA"
        ) from error
    return runtime


class Cuda:
    """One GPU and one stream on it.

    :param cudart: `cuda.bindings.runtime`, or a stand-in for it.
    :raises BackendError: when there is no such GPU. No other NVIDIA library may be asked before:
        some end the process where there is no driver.
    """

    def __init__(self, cudart: Any, gpu_id: int) -> None:
        self._cudart = cudart
        self._kinds = cudart.cudaMemcpyKind
        self.gpu_id = gpu_id
        code, count = cudart.cudaGetDeviceCount()
        if int(code):
            raise BackendError(f'no usable NVIDIA driver: {self._words(code)}')
        if not 0 <= gpu_id < count:
            raise BackendError(f'gpu_id is {gpu_id}: this machine has GPUs 0 to {count - 1}')
        self.use()
        self.stream = self.call('cudaStreamCreate')
        self._device: list[int] = []
        self._pinned: list[int] = []

    def call(self, name: str, *arguments: Any) -> Any:
        """Call a CUDA function and give its result.

        :raises BackendError: with CUDA's own words.
        """
        code, *results = getattr(self._cudart, name)(*arguments)
        if int(code):
            raise BackendError(f'{name}: {self._words(code)}')
        return results[0] if results else None

    def use(self) -> None:
        """Make this thread use the GPU; CUDA keeps the choice per thread."""
        self.call('cudaSetDevice', self.gpu_id)

    def name(self) -> str:
        """Name and compute capability of the GPU."""
        properties = self.call('cudaGetDeviceProperties', self.gpu_id)
        name = properties.name
        text = name.decode() if isinstance(name, bytes) else str(name)
        return f'{text} sm_{properties.major}{properties.minor}'

    def allocate(self, size: int) -> int:
        """Reserve bytes on the GPU and give their address."""
        address = int(self.call('cudaMalloc', size))
        self._device.append(address)
        return address

    def pinned(self, size: int) -> NDArray[np.uint8]:
        """Reserve bytes of the host that the GPU copies from and to directly."""
        address = int(self.call('cudaHostAlloc', size, 0))
        self._pinned.append(address)
        return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))

    def upload(self, to: int, source: NDArray[np.uint8], size: int) -> None:
        """Queue a copy of `size` bytes from pinned memory to the GPU."""
        kind = self._kinds.cudaMemcpyHostToDevice
        self.call('cudaMemcpyAsync', to, source.ctypes.data, size, kind, self.stream)

    def download(self, to: NDArray[np.uint8], source: int, size: int) -> None:
        """Queue a copy of `size` bytes from the GPU to pinned memory."""
        kind = self._kinds.cudaMemcpyDeviceToHost
        self.call('cudaMemcpyAsync', to.ctypes.data, source, size, kind, self.stream)

    def wait(self) -> None:
        """Wait until everything queued is done."""
        self.call('cudaStreamSynchronize', self.stream)

    def begin_capture(self) -> None:
        """Record what is queued from now on instead of running it."""
        mode = self._cudart.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self.call('cudaStreamBeginCapture', self.stream, mode)

    def end_capture(self) -> Any:
        """Stop recording and give the executable graph."""
        graph = self.call('cudaStreamEndCapture', self.stream)
        try:
            return self.call('cudaGraphInstantiate', graph, 0)
        finally:
            self.call('cudaGraphDestroy', graph)

    def launch(self, graph: Any) -> None:
        """Queue a recorded graph."""
        self.call('cudaGraphLaunch', graph, self.stream)

    def destroy_graph(self, graph: Any) -> None:
        """Free a recorded graph."""
        self.call('cudaGraphExecDestroy', graph)

    def close(self) -> None:
        """Free the memory and the stream."""
        self.use()
        for address in self._device:
            self.call('cudaFree', address)
        for address in self._pinned:
            self.call('cudaFreeHost', address)
        self._device, self._pinned = [], []
        self.call('cudaStreamDestroy', self.stream)

    def _words(self, code: Any) -> str:
        _, text = self._cudart.cudaGetErrorString(code)
        return text.decode() if isinstance(text, bytes) else str(text)
