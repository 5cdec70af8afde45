"""What runs a graph: frames of several lanes, of one size or another, get their own answers."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest

from flowenedet_ros.evaluation.errors import EvaluationError
from flowenedet_ros.evaluation.graph_runs import LANES, open_graph

NAMES = ('labels', 'idm_score', 'ood_score')


@pytest.mark.parametrize('backend', ['openvino', 'onnxruntime'])
def test_lanes_do_not_mix_their_frames(bundle, backend):
    graph = onnx.load(bundle / 'model.onnx')
    found, run = open_graph(graph, NAMES, backend, threads=0)
    assert found == backend
    generator = np.random.default_rng(0)
    shapes = [(1, 64, 128, 3), (1, 96, 80, 3)] * 6
    frames = [generator.integers(0, 256, shape).astype(np.uint8) for shape in shapes]
    one_by_one = [run(frame) for frame in frames]

    with ThreadPoolExecutor(2 * LANES) as lanes:
        together = list(lanes.map(run, frames))

    for alone, beside in zip(one_by_one, together, strict=True):
        for name in NAMES:
            np.testing.assert_array_equal(alone[name], beside[name])


def test_unknown_backend_is_refused_with_those_there_are(bundle):
    with pytest.raises(EvaluationError, match='openvino'):
        open_graph(onnx.load(bundle / 'model.onnx'), NAMES, 'abacus', threads=0)
