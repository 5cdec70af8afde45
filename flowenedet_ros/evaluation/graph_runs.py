"""What runs a graph for an evaluation: CUDA where there is one, else OpenVINO, else the CPU."""

from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.evaluation.errors import EvaluationError
from flowenedet_ros.inference.backends.base import RuntimeOptions
from flowenedet_ros.inference.backends.onnxruntime import open_session
from flowenedet_ros.inference.openvino_core import openvino_core

BACKENDS = ('auto', 'onnxruntime-cuda', 'openvino', 'onnxruntime')
LANES = 1
"""Frames under way at once: with two, processes of `--workers` sometimes waited forever."""

Run = Callable[[NDArray[np.uint8]], dict[str, NDArray[Any]]]
"""From pictures, uint8 (N, H, W, 3), to tensors by name."""


def open_graph(graph: Any, names: Sequence[str], backend: str, threads: int) -> tuple[str, Run]:
    """Make a graph ready to run, from `LANES` threads at once.

    :param names: of the outputs that a run gives.
    :param backend: one of `BACKENDS`; 'auto' takes the first that runs here.
    :param threads: of a CPU backend, for all lanes; 0 leaves the choice to it.
    :returns: what runs it, and the run.
    :raises EvaluationError: where nothing runs it.
    """
    if backend not in BACKENDS:
        raise EvaluationError(f'no backend {backend!r}: choose one of {", ".join(BACKENDS)}')
    refused = []
    for name in BACKENDS[1:] if backend == 'auto' else (backend,):
        open_one = _open_openvino if name == 'openvino' else _open_onnxruntime
        try:
            return name, open_one(graph, names, name, threads)
        except Exception as error:  # runtimes raise whatever they like
            refused.append(f'{name}: {error}')
    raise EvaluationError('no backend runs this graph: ' + '; '.join(refused))


def _feeds(images: NDArray[np.uint8], inputs: Sequence[str]) -> dict[str, NDArray[Any]]:
    # The masks are not looked at, so any threshold will do.
    half = np.array([0.5], np.float32)
    return {name: images if name == 'image' else half for name in inputs}


def _open_onnxruntime(graph: Any, names: Sequence[str], backend: str, threads: int) -> Run:
    session = open_session(graph.SerializeToString(), backend, RuntimeOptions(threads=threads))
    inputs = [item.name for item in session.get_inputs()]

    def run(images: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        found = session.run(list(names), _feeds(images, inputs))
        return dict(zip(names, found, strict=True))

    return run


def _open_openvino(graph: Any, names: Sequence[str], backend: str, threads: int) -> Run:
    core = openvino_core()
    settings: dict[str, Any] = {'INFERENCE_PRECISION_HINT': 'f32', 'NUM_STREAMS': LANES}
    if threads:
        settings['INFERENCE_NUM_THREADS'] = threads
    model = core.read_model(graph.SerializeToString())
    inputs = [item.get_any_name() for item in model.inputs]
    idle: dict[tuple[int, ...], SimpleQueue[Any]] = {}
    compiling = Lock()

    def of_shape(shape: tuple[int, ...]) -> SimpleQueue[Any]:
        with compiling:
            if shape not in idle:
                # One compiled graph at a time: sets whose pictures differ in size stay in memory.
                idle.clear()
                model.reshape({'image': list(shape)})
                graph = core.compile_model(model, 'CPU', settings)
                idle[shape] = SimpleQueue()
                for _ in range(LANES):
                    idle[shape].put(graph.create_infer_request())
            return idle[shape]

    def run(images: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        requests = of_shape(images.shape)
        request = requests.get()
        try:
            results = request.infer(_feeds(images, inputs), share_inputs=True)
            return {name: np.array(results[name]) for name in names}
        finally:
            requests.put(request)

    return run
