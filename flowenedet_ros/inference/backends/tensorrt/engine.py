"""A TensorRT engine with its buffers, its stream and its CUDA graphs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.inference.backends.base import INPUTS, OUTPUTS, Outputs
from flowenedet_ros.inference.backends.tensorrt.cuda import Cuda
from flowenedet_ros.inference.errors import BackendError
from flowenedet_ros.inference.perception import Thresholds

if TYPE_CHECKING:
    import tensorrt

_DTYPES = {**INPUTS, **OUTPUTS}


@dataclass(frozen=True)
class _Tensor:
    """One input or output: memory on both sides, reserved once for its largest shape."""

    device: int
    host: NDArray[np.uint8]

    def view(self, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        dtype = np.dtype(_DTYPES[name][0])
        size = int(np.prod(shape)) * dtype.itemsize
        return self.host[:size].view(dtype).reshape(shape)


class Engine:
    """Run an engine; the first frame of a size runs plainly, later ones as a CUDA graph.

    :param engine: with one optimization profile for the size of `image`.
    :raises BackendError: when the engine's tensors are not those of the fused graph, or GPU
        memory is short.
    """

    def __init__(self, engine: 'tensorrt.ICudaEngine', cuda: Cuda) -> None:
        self._cuda = cuda
        self._context: tensorrt.IExecutionContext | None = engine.create_execution_context()
        if self._context is None:
            raise BackendError('TensorRT made no execution context: GPU memory is short')
        names = {engine.get_tensor_name(i) for i in range(engine.num_io_tensors)}
        if names != set(_DTYPES):
            raise BackendError(f'the engine has tensors {sorted(names)}, not those of this version')
        self.least, _, self.largest = (
            tuple(shape) for shape in engine.get_tensor_profile_shape('image', 0)
        )
        self._shape = self._set_shape(self.largest)
        self._tensors = {name: self._tensor(name) for name in _DTYPES}
        self._graph: Any = None
        self._graphs_work = True
        self._frames_of_shape = 0

    def run(self, images: NDArray[np.uint8], thresholds: Thresholds) -> Outputs:
        """Run images of one size; the outputs are the caller's.

        :raises BackendError: for images outside the engine's sizes, or when CUDA fails.
        """
        self._cuda.use()
        if images.shape != self._shape:
            self._shape = self._set_shape(images.shape)
        tensors = self._tensors
        np.copyto(tensors['image'].view('image', images.shape), images)
        tensors['idm_threshold'].view('idm_threshold', (1,))[0] = thresholds.idm
        tensors['ood_threshold'].view('ood_threshold', (1,))[0] = thresholds.ood
        self._queue_frame()
        self._cuda.wait()
        return Outputs(*(self._output(name).copy() for name in OUTPUTS))

    def close(self) -> None:
        """Free the graph, the context, the memory and the stream."""
        self._drop_graph()
        self._context = None
        self._cuda.close()

    def _queue_frame(self) -> None:
        self._frames_of_shape += 1
        if self._graph is None and self._graphs_work and self._frames_of_shape > 1:
            self._graph = self._capture()
        if self._graph is not None:
            self._cuda.launch(self._graph)
        else:
            self._queue_calls()

    def _capture(self) -> Any:
        self._cuda.begin_capture()
        try:
            self._queue_calls()
        except BackendError:
            self._graphs_work = False
        try:
            graph = self._cuda.end_capture()
        except BackendError:
            # Some operators cannot be captured: frames then run call by call.
            self._graphs_work = False
            return None
        return graph if self._graphs_work else None

    def _queue_calls(self) -> None:
        context = self._live_context()
        for name in INPUTS:
            tensor = self._tensors[name]
            self._cuda.upload(tensor.device, tensor.host, self._bytes(name))
        if not context.execute_async_v3(int(self._cuda.stream)):
            raise BackendError('TensorRT refused to run the frame')
        for name in OUTPUTS:
            tensor = self._tensors[name]
            self._cuda.download(tensor.host, tensor.device, self._bytes(name))

    def _set_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        self._drop_graph()
        self._frames_of_shape = 0
        fits = all(
            low <= size <= high
            for low, size, high in zip(self.least, shape, self.largest, strict=True)
        )
        if not fits or not self._live_context().set_input_shape('image', shape):
            raise BackendError(
                f'images of shape {shape} do not fit this engine, which takes {self.least} to '
                f'{self.largest}: build one with a larger image size or batch'
            )
        return shape

    def _tensor(self, name: str) -> _Tensor:
        size = self._bytes(name)
        tensor = _Tensor(self._cuda.allocate(size), self._cuda.pinned(size))
        self._live_context().set_tensor_address(name, tensor.device)
        return tensor

    def _output(self, name: str) -> NDArray[Any]:
        return self._tensors[name].view(name, tuple(self._live_context().get_tensor_shape(name)))

    def _bytes(self, name: str) -> int:
        shape = tuple(self._live_context().get_tensor_shape(name))
        return int(np.prod(shape)) * np.dtype(_DTYPES[name][0]).itemsize

    def _live_context(self) -> 'tensorrt.IExecutionContext':
        if self._context is None:
            raise BackendError('this engine is closed')
        return self._context

    def _drop_graph(self) -> None:
        graph, self._graph = getattr(self, '_graph', None), None
        if graph is not None:
            self._cuda.destroy_graph(graph)
