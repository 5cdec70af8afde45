"""The fused graph of a bundle with the segmenter's own tensors as further outputs.

One run of the graph gives everything that any method needs, so the segmenter runs once per image.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from flowenedet_ros.evaluation.errors import EvaluationError
from flowenedet_ros.inference.bundle import find_bundle, model_file, open_bundle
from flowenedet_ros.inference.manifest import ScoreMap
from flowenedet_ros.inference.openvino_core import openvino_core

BACKENDS = ('auto', 'onnxruntime-cuda', 'openvino', 'onnxruntime')
_LOGITS = 'logits'
_OPTIONAL = ('embedding', 'deep', 'idm_raw', 'ood_raw')
_ALWAYS = ('labels', 'idm_score', 'ood_score', 'nonfinite')
# Keeps the log-odds of a score of exactly 0 or 1 finite in float32.
_LEAST = 1e-30


class Tensors(NamedTuple):
    """What one image gives."""

    logits: Tensor
    """(1, C, h, w) as the segmenter gives them; NaN and infinite ones are still there."""
    embedding: Tensor | None
    """(1, V, h, w), None where the graph names none."""
    deep: Tensor | None
    """(1, D, h', w'), None where the graph names none."""
    labels: NDArray[np.uint8]
    """(H, W) class ids at the network's input size."""
    idm: NDArray[np.float32]
    """(h, w) log-odds of the bundle's detector before calibration."""
    ood: NDArray[np.float32]
    """(h, w) log-odds of the bundle's detector before calibration."""
    nonfinite: int
    """Pixels whose logits were NaN or infinite."""


class LogitSource:
    """A bundle, ready to be evaluated.

    :param model: a bundled model's name or a folder.
    :param backend: 'auto' takes the first of `BACKENDS` that runs here.
    :param threads: of a CPU backend; 0 leaves the choice to it.
    :raises BundleError: where the folder is wrong.
    :raises EvaluationError: where the graph does not name its logits, or no backend runs it.
    """

    def __init__(self, model: str | Path, backend: str = 'auto', threads: int = 0) -> None:
        self.folder = find_bundle(model)
        self.manifest = open_bundle(self.folder)
        path = model_file(self.folder, self.manifest, 'fp32')
        graph, self._names = _widened(path)
        self.backend, self._run = _open(graph, self._names, backend, threads)
        self.classifier = _classifier(graph)
        """Weight (C, V, 1, 1) and bias (C,) of the last convolution, None where it is another."""
        self.device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')

    @property
    def has_embedding(self) -> bool:
        """Whether the graph names the segmenter's embedding."""
        return 'embedding' in self._names

    def run(self, image: NDArray[np.uint8]) -> Tensors:
        """Run one picture, uint8 (H, W, 3) BGR of any size."""
        if self.manifest.input.channel_order == 'rgb':
            image = image[..., ::-1]
        found = self._run(np.ascontiguousarray(image)[None])
        calibration = self.manifest.calibration
        return Tensors(
            self._tensor(found[_LOGITS]),
            self._tensor(found.get('embedding')),
            self._tensor(found.get('deep')),
            found['labels'][0],
            _log_odds(found, 'idm', calibration.idm),
            _log_odds(found, 'ood', calibration.ood),
            int(found['nonfinite'][0]),
        )

    def _tensor(self, array: NDArray[np.float32] | None) -> Any:
        return None if array is None else torch.from_numpy(array).to(self.device)


def _log_odds(found: dict[str, Any], task: str, score_map: ScoreMap) -> NDArray[np.float32]:
    """Take the log-odds where the graph names them, else undo the calibration of the score."""
    if f'{task}_raw' in found:
        raw: NDArray[np.float32] = found[f'{task}_raw'][0]
        return raw
    score = found[f'{task}_score'][0].astype(np.float64)
    odds = np.log(np.maximum(score, _LEAST)) - np.log(np.maximum(1 - score, _LEAST))
    restored: NDArray[np.float64] = (odds - score_map.offset) / score_map.scale
    return restored.astype(np.float32)


def _widened(path: Path) -> tuple[Any, tuple[str, ...]]:
    """Read a graph and append its named inner tensors to its outputs."""
    import onnx

    graph = onnx.load(path)
    values = {name for node in graph.graph.node for name in node.output}
    if _LOGITS not in values:
        raise EvaluationError(
            f'{path} does not name its logits, so baselines cannot be compared on it: '
            'write it anew with `flowenedet export`'
        )
    inner = [_LOGITS, *(name for name in _OPTIONAL if name in values)]
    declared = {output.name for output in graph.graph.output}
    for name in inner:
        if name not in declared:
            tensor = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
            graph.graph.output.append(tensor)
    return graph, (*_ALWAYS, *inner)


def _classifier(graph: Any) -> tuple[Tensor, Tensor] | None:
    """Find the 1x1 convolution that turns the embedding into the logits."""
    from onnx import numpy_helper

    constants = {tensor.name: tensor for tensor in graph.graph.initializer}
    for node in graph.graph.node:
        if node.op_type != 'Conv' or _LOGITS not in node.output or node.input[0] != 'embedding':
            continue
        if len(node.input) == 3 and all(name in constants for name in node.input[1:]):
            weight, bias = (
                torch.from_numpy(numpy_helper.to_array(constants[name]).copy())
                for name in node.input[1:]
            )
            return (weight, bias) if weight.shape[2:] == (1, 1) else None
    return None


def _open(graph: Any, names: tuple[str, ...], backend: str, threads: int) -> tuple[str, Any]:
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


def _feeds(images: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    # The masks are not looked at, so any threshold will do.
    half = np.array([0.5], np.float32)
    return {'image': images, 'idm_threshold': half, 'ood_threshold': half}


def _open_onnxruntime(graph: Any, names: tuple[str, ...], backend: str, threads: int) -> Any:
    import onnxruntime  # type: ignore[import-untyped]

    provider = 'CUDAExecutionProvider' if backend.endswith('cuda') else 'CPUExecutionProvider'
    if provider not in onnxruntime.get_available_providers():
        raise EvaluationError(f'this ONNX Runtime has no {provider}')
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=[provider])
    if provider not in session.get_providers():
        raise EvaluationError(
            f'{provider} did not start: its CUDA libraries are missing or too old'
        )

    def run(images: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        return dict(zip(names, session.run(list(names), _feeds(images)), strict=True))

    return run


def _open_openvino(graph: Any, names: tuple[str, ...], backend: str, threads: int) -> Any:
    core = openvino_core()
    settings: dict[str, Any] = {'INFERENCE_PRECISION_HINT': 'f32', 'PERFORMANCE_HINT': 'LATENCY'}
    if threads:
        settings['INFERENCE_NUM_THREADS'] = threads
    model = core.read_model(graph.SerializeToString())
    requests: dict[tuple[int, ...], Any] = {}

    def run(images: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        if images.shape not in requests:
            # One compiled graph at a time: sets whose pictures differ in size stay in memory.
            requests.clear()
            model.reshape({'image': list(images.shape)})
            requests[images.shape] = core.compile_model(
                model, 'CPU', settings
            ).create_infer_request()
        results = requests[images.shape].infer(_feeds(images), share_inputs=True)
        return {name: np.array(results[name]) for name in names}

    return run
