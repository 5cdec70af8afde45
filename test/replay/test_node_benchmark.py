"""`flowenedet benchmark --node`: the real node under a steady camera, every frame accounted for."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper
from support.processes import node_has_joined, processes_with, until
from support.tiny_bundle import smooth_image, write_tiny_bundle

from flowenedet_ros.cli.benchmark import node_request
from flowenedet_ros.cli.main import main, parse
from flowenedet_ros.inference import load_bundle
from flowenedet_ros.replay.benchmark.idle_bundle import write_idle_bundle
from flowenedet_ros.replay.benchmark.measure import measure_node
from flowenedet_ros.replay.benchmark.node_text import node_text
from flowenedet_ros.replay.benchmark.request import NodeRequest

# As `flowenedet export` names what goes into the detector and what comes out of its repair.
MARKS = {'raw_logits': 'logits', 'logits': 'clean_logits'}
MEASURE = """
import sys
from flowenedet_ros.replay.benchmark.measure import measure_node
from flowenedet_ros.replay.benchmark.request import NodeRequest
measure_node(NodeRequest(sys.argv[1], 'onnxruntime', height=120, width=160, frames=100_000))
"""


@pytest.fixture(scope='module')
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_tiny_bundle(tmp_path_factory.mktemp('models') / 'tiny')
    path = folder / 'model.onnx'
    model = onnx.load(path)
    for node in model.graph.node:
        node.input[:] = [MARKS.get(name, name) for name in node.input]
        node.output[:] = [MARKS.get(name, name) for name in node.output]
        node.name = node.output[0]
    model.graph.value_info.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ['N', channels, 'h', 'w'])
        for name, channels in (('pixels', 3), ('logits', 5), ('clean_logits', 5))
    )
    onnx.save(model, path)
    content = yaml.safe_load((folder / 'model.yaml').read_text())
    content['files']['model.onnx'] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / 'model.yaml').write_text(yaml.safe_dump(content))
    return folder


@pytest.mark.slow
def test_the_node_is_measured_beside_the_graphs(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ['--model', str(tiny), '--backends', 'onnxruntime', '--precisions', 'fp32', '--node']
    quick = ['--rounds', '1', '--threads', '1', '--sizes', '120x160']
    file = tmp_path / 'benchmark.json'
    assert main(['benchmark', *given, *quick, '--json', str(file)]) == 0
    result = json.loads(file.read_text())
    assert {row['graph'] for row in result['rows']} == {'segmenter', 'fused'}
    node = result['node']
    assert (node['model'], node['backend'], node['precision']) == ('tiny', 'onnxruntime', 'fp32')
    assert (node['height'], node['width']) == (120, 160)
    for counters in (node['counters'], node['counters_at_10hz']):
        assert counters['received'] + counters['lost'] == counters['sent']
        settled = counters['processed'] + counters['dropped'] + counters['rejected']
        assert settled == counters['received']
        assert counters['processed'] > counters['sent'] / 2
    assert 0 < node['backend_p50_ms'] <= node['backend_p95_ms'] < node['age_p95_ms']
    assert node['age_over_backend_p95'] == pytest.approx(
        node['age_p95_ms'] / node['backend_p95_ms'], abs=1e-3
    )
    assert set(node['stages_ms']) == {'wait', 'convert', 'pre', 'backend', 'post', 'publish'}
    assert node['ros_ms_per_frame'] > 0
    assert 0 < node['cpu_percent_at_10hz'] < 100
    assert f'{node["cpu_percent_at_10hz"]:.1f} % of a core at 10 Hz' in capsys.readouterr().out


def test_a_node_that_does_not_start_is_a_row_like_others(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path / 'broken')
    (folder / 'model.onnx').write_bytes(b'not a network')
    figures = measure_node(NodeRequest(str(folder), backend='onnxruntime'))
    assert 'the node ended with exit code 1' in figures['error']
    assert 'sha256' in figures['error']
    assert node_text(figures).startswith('node: the node ended')


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_benchmark_leaves_no_process_behind(tmp_path: Path, number: int) -> None:
    folder = write_tiny_bundle(tmp_path / 'tiny')
    process = subprocess.Popen([sys.executable, '-c', MEASURE, folder])
    try:
        until(lambda: node_has_joined(folder), 'the node to join its network')
        process.send_signal(number)
        process.wait()
        until(lambda: not processes_with(folder), 'camera and node to end')
    finally:
        for left in processes_with(folder):
            os.kill(left, signal.SIGKILL)


def test_a_model_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['benchmark', '--untrained', 'segformer_b0:64x64', '--node']) == 2
    assert '--node needs a bundle' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('named', 'chosen'),
    [
        ('onnxruntime', 'onnxruntime'),
        ('pytorch-eager,onnxruntime', 'onnxruntime'),
        ('pytorch-eager', 'auto'),
        ('openvino,onnxruntime', 'auto'),
        ('all', 'auto'),
    ],
)
def test_the_node_runs_on_the_one_backend_named(named: str, chosen: str) -> None:
    words = ['benchmark', '--model', 'any', '--node', '--backends', named]
    assert node_request(parse(words)).backend == chosen


def test_the_idle_network_gives_outputs_of_the_same_size(tiny: Path, tmp_path: Path) -> None:
    image = smooth_image(120, 160)
    idle_folder = write_idle_bundle(tiny, tmp_path / 'idle')
    with load_bundle(tiny, 'onnxruntime') as model, load_bundle(idle_folder, 'onnxruntime') as idle:
        real, empty = model.run(image), idle.run(image)
    for name in ('labels', 'idm_mask', 'ood_mask', 'idm_score', 'ood_score'):
        plane = getattr(empty, name)
        assert plane.shape == getattr(real, name).shape
        assert plane.dtype == getattr(real, name).dtype
        assert not np.any(plane)
    assert empty.nonfinite == 0
