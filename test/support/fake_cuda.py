"""A stand-in for the CUDA runtime over host memory, with streams that run at once."""

import ctypes
from collections.abc import Callable
from types import SimpleNamespace

CUDA_SUCCESS = 0
ERROR_OUT_OF_MEMORY = 2
ERROR_INSUFFICIENT_DRIVER = 35
ERROR_CAPTURE_UNSUPPORTED = 900
_WORDS = {
    ERROR_OUT_OF_MEMORY: b'out of memory',
    ERROR_INSUFFICIENT_DRIVER: b'CUDA driver version is insufficient for CUDA runtime version',
    ERROR_CAPTURE_UNSUPPORTED: b'operation not permitted when stream is capturing',
}


class FakeCudart:
    """Looks like `cuda.bindings.runtime` as far as the TensorRT backend uses it.

    :param gpus: how many there are; 0 behaves like a machine without a driver.
    :param memory: bytes that may be allocated on the device.
    """

    cudaMemcpyKind = SimpleNamespace(cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2)
    cudaStreamCaptureMode = SimpleNamespace(cudaStreamCaptureModeThreadLocal=1)

    def __init__(self, gpus: int = 1, memory: int = 1 << 32) -> None:
        self.gpus = gpus
        self.free = memory
        self.buffers: dict[int, ctypes.Array] = {}
        self.pinned: set[int] = set()
        self.recording: list[Callable[[], None]] | None = None
        self.launches = 0
        self.streams = 0
        self.graphs = 0
        self.can_capture = True

    def queue(self, work: Callable[[], None]) -> None:
        if self.recording is None:
            work()
        else:
            self.recording.append(work)

    def cudaGetDeviceCount(self):
        return (0, self.gpus) if self.gpus else (ERROR_INSUFFICIENT_DRIVER, None)

    def cudaGetErrorString(self, code):
        return 0, _WORDS.get(int(code), b'unknown error')

    def cudaSetDevice(self, device):
        return (0 if device < self.gpus else 101,)

    def cudaGetDeviceProperties(self, device):
        return 0, SimpleNamespace(name=b'Fake GPU', major=8, minor=7)

    def cudaStreamCreate(self):
        self.streams += 1
        return 0, self.streams

    def cudaStreamDestroy(self, stream):
        self.streams -= 1
        return (0,)

    def cudaStreamSynchronize(self, stream):
        return (0,)

    def cudaMalloc(self, size):
        if size > self.free:
            return ERROR_OUT_OF_MEMORY, None
        self.free -= size
        return 0, self._reserve(size)

    def cudaHostAlloc(self, size, flags):
        address = self._reserve(size)
        self.pinned.add(address)
        return 0, address

    def cudaFree(self, address):
        self.free += len(self.buffers.pop(address))
        return (0,)

    def cudaFreeHost(self, address):
        self.pinned.remove(address)
        del self.buffers[address]
        return (0,)

    def cudaMemcpyAsync(self, to, source, size, kind, stream):
        host = to if kind == self.cudaMemcpyKind.cudaMemcpyDeviceToHost else source
        assert host in self.pinned, 'an asynchronous copy from or to pageable memory'
        self.queue(lambda: ctypes.memmove(to, source, size))
        return (0,)

    def cudaStreamBeginCapture(self, stream, mode):
        self.recording = []
        return (0,)

    def cudaStreamEndCapture(self, stream):
        recorded, self.recording = self.recording, None
        if not self.can_capture:
            return ERROR_CAPTURE_UNSUPPORTED, None
        return 0, recorded

    def cudaGraphInstantiate(self, graph, flags):
        self.graphs += 1
        return 0, graph

    def cudaGraphDestroy(self, graph):
        return (0,)

    def cudaGraphExecDestroy(self, graph):
        self.graphs -= 1
        return (0,)

    def cudaGraphLaunch(self, graph, stream):
        self.launches += 1
        for work in graph:
            work()
        return (0,)

    def _reserve(self, size):
        buffer = (ctypes.c_uint8 * size)()
        self.buffers[ctypes.addressof(buffer)] = buffer
        return ctypes.addressof(buffer)
