"""The fused graph of a bundle with the segmenter's own tensors as further outputs.

One run of the graph gives everything that any method needs, so the segmenter runs once per image.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from flowenedet_ros.evaluation.errors import EvaluationError
from flowenedet_ros.evaluation.graph_runs import open_graph
from flowenedet_ros.inference.bundle import find_bundle, model_file, open_bundle
from flowenedet_ros.inference.manifest import ScoreMap

_LOGITS = 'logits'
FEATURES = ('embedding', 'deep')
"""Tensors of the segmenter that few methods need and that are long to copy."""
_RAW = {'idm_raw': 'idm_score', 'ood_raw': 'ood_score'}
"""Log-odds before calibration, and what a graph gives that does not name them."""
# Keeps the log-odds of a score of exactly 0 or 1 finite in float32.
_LEAST = 1e-30


class Tensors(NamedTuple):
    """What one image gives."""

    logits: Tensor
    """(1, C, h, w) as the segmenter gives them; NaN and infinite ones are still there."""
    embedding: Tensor | None
    """(1, V, h, w), None where the graph names none or no method needs it."""
    deep: Tensor | None
    """(1, D, h', w'), None where the graph names none or no method needs it."""
    labels: NDArray[np.uint8]
    """(H, W) class ids at the network's input size."""
    idm: NDArray[np.float32]
    """(h, w) log-odds of the bundle's detector before calibration."""
    ood: NDArray[np.float32]
    """(h, w) log-odds of the bundle's detector before calibration."""
    nonfinite: int
    """Pixels whose logits were NaN or infinite."""


class LogitSource:
    """A bundle to be evaluated.

    :param model: a bundled model's name or a folder.
    :raises BundleError: where the folder is wrong.
    :raises EvaluationError: where the graph does not name its logits.
    """

    def __init__(self, model: str | Path) -> None:
        import onnx

        self.folder = find_bundle(model)
        self.manifest = open_bundle(self.folder)
        path = model_file(self.folder, self.manifest, 'fp32')
        self.graph: Any = onnx.load(path)
        """The fused graph as the bundle has it."""
        self._named = {name for node in self.graph.graph.node for name in node.output}
        if _LOGITS not in self._named:
            raise EvaluationError(
                f'{path} does not name its logits, so baselines cannot be compared on it: '
                'write it anew with `flowenedet export`'
            )
        self.classifier = _classifier(self.graph)
        """Weight (C, V, 1, 1) and bias (C,) of the last convolution, None where it is another."""
        self.device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
        self.backend = ''
        """What runs the graph once it is open."""
        self._run: Any = None

    @property
    def has_embedding(self) -> bool:
        """Whether the graph names the segmenter's embedding."""
        return 'embedding' in self._named

    def open(self, features: Collection[str], backend: str = 'auto', threads: int = 0) -> None:
        """Make the graph ready to run.

        :param features: those of `FEATURES` that methods need.
        :param backend: 'auto' takes the first of `graph_runs.BACKENDS` that runs here.
        :param threads: of a CPU backend; 0 leaves the choice to it.
        :raises EvaluationError: where no backend runs it.
        """
        raw = [name if name in self._named else instead for name, instead in _RAW.items()]
        inner = [name for name in FEATURES if name in features and name in self._named]
        wanted = (_LOGITS, 'labels', 'nonfinite', *raw, *inner)
        graph = _with_outputs(self.graph, wanted)
        self.backend, self._run = open_graph(graph, wanted, backend, threads)

    def run(self, image: NDArray[np.uint8]) -> Tensors:
        """Run one picture, uint8 (H, W, 3) BGR of any size; `open` comes first."""
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


def _with_outputs(graph: Any, names: Sequence[str]) -> Any:
    """Return a copy of a graph that gives named tensors, inner ones too, and nothing else.

    Runtimes leave out what no output needs: here the masks at the network's size.
    """
    import onnx

    other = onnx.ModelProto()
    other.CopyFrom(graph)
    declared = {output.name: output for output in graph.graph.output}
    del other.graph.output[:]
    for name in names:
        inner = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        other.graph.output.append(declared.get(name, inner))
    return other


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
