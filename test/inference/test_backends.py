"""Every backend that runs here gives the same perception, and the choice is explained."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import yaml
from onnx import TensorProto, helper
from support.tiny_bundle import smooth_image, write_tiny_bundle

from flowenedet_ros.inference import (
    BackendError,
    BundleError,
    RuntimeOptions,
    bundled_models,
    load_bundle,
)
from flowenedet_ros.inference.backends.base import Outputs
from flowenedet_ros.inference.backends.openvino_parts import cut
from flowenedet_ros.inference.openvino_core import openvino_core
from flowenedet_ros.inference.probe import (
    BACKENDS,
    count_gpus,
    missing_tensorrt,
    probe_backend,
    supports,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_bundle(tmp_path / 'tiny', fp16=True)


def replace_graph(folder: Path, model: onnx.ModelProto, name: str = 'model.onnx') -> None:
    (folder / name).write_bytes(model.SerializeToString())
    sign(folder, name)


def sign(folder: Path, name: str) -> None:
    content = yaml.safe_load((folder / 'model.yaml').read_text())
    content['files'][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / 'model.yaml').write_text(yaml.safe_dump(content))


def test_openvino_agrees_with_onnxruntime(folder: Path) -> None:
    image = smooth_image(240, 320, 5)
    reference = load_bundle(folder, 'onnxruntime', 'fp32').run(image)
    with load_bundle(folder, 'openvino', 'fp32') as model:
        for _ in range(2):
            found = model.run(image)
            assert np.mean(found.labels == reference.labels) > 0.999
            np.testing.assert_allclose(found.ood_score, reference.ood_score, atol=1e-4)
        assert model.run(smooth_image(90, 120)).labels.shape == (96, 128)
        assert len(model.run_batch([image, image])) == 2


@pytest.mark.skipif(
    'bf16' not in probe_backend('openvino').precisions, reason='this processor computes no bf16'
)
def test_openvino_keeps_scores_in_float32_when_the_segmenter_is_in_bf16(
    folder: Path, tmp_path: Path
) -> None:
    image = smooth_image(90, 120)[None]
    logits = logits_of_openvino(folder / 'model.onnx', image, 'bf16')
    readout = tmp_path / 'readout.onnx'
    scores = ['idm_score', 'ood_score']
    onnx.utils.extract_model(folder / 'model.onnx', readout, ['logits'], scores)
    session = onnxruntime.InferenceSession(readout)
    exact = session.run(scores, {'logits': logits})
    with load_bundle(folder, 'openvino', 'bf16') as model:
        found = model.run(image[0])
    # In bf16 they would differ in the third digit.
    np.testing.assert_allclose([found.idm_score, found.ood_score], np.stack(exact)[:, 0], atol=1e-5)


def logits_of_openvino(path: Path, image: np.ndarray, precision: str) -> np.ndarray:
    model = openvino_core().read_model(path)
    model.reshape({'image': list(image.shape)})
    parts = cut(model)
    assert parts is not None
    settings = {'INFERENCE_PRECISION_HINT': precision}
    return openvino_core().compile_model(parts.segmenter, 'CPU', settings)([image])['logits']


def test_openvino_forgets_sizes_not_seen_for_long(folder: Path) -> None:
    with load_bundle(folder, 'openvino', 'fp32') as model:
        for side in (40, 48, 56, 64, 72, 40):
            assert model.run(smooth_image(side, side)).labels.shape == (96, 128)


def test_openvino_results_survive_later_frames(folder: Path) -> None:
    model = load_bundle(folder, 'openvino', 'fp32')
    first = model.run(smooth_image(90, 120, 1))
    kept = first.labels.copy()
    model.run(smooth_image(90, 120, 2))
    assert np.array_equal(first.labels, kept)


def test_a_signal_after_models_came_and_went_does_no_harm(folder: Path) -> None:
    code = """
import signal, subprocess, sys
from flowenedet_ros.inference import load_bundle
signal.signal(signal.SIGCHLD, lambda number, frame: None)
first, second = (load_bundle(sys.argv[1], 'openvino', 'fp32') for _ in range(2))
first.close(); del first
second.close(); del second
subprocess.run(['true'], check=True)
"""
    given = [sys.executable, '-c', code, str(folder)]
    done = subprocess.run(given, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_auto_takes_the_first_usable_backend_and_says_why(folder: Path) -> None:
    model = load_bundle(folder)
    usable = [name for name in BACKENDS if probe_backend(name).usable]
    assert model.backend.name == usable[0]
    assert probe_backend(usable[0]).detail in model.reason
    if count_gpus()[0] == 0:
        assert 'NVIDIA' in model.reason
    assert model.self_test().passed


@pytest.mark.parametrize('precision', ['fp32', 'auto'])
@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
@pytest.mark.parametrize('name', bundled_models())
def test_bundled_models_pass_their_self_test(name: str, backend: str, precision: str) -> None:
    with load_bundle(name, backend, precision) as model:
        assert model.self_test().passed


def test_fp16_file_is_taken_by_name(folder: Path) -> None:
    model = load_bundle(folder, 'onnxruntime', 'fp16')
    assert model.backend.precision == 'fp16'
    assert model.self_test().passed


def test_missing_precision_says_how_to_write_it(folder: Path) -> None:
    with pytest.raises(BundleError, match=r'no model_int8\.onnx.*export --precision int8'):
        load_bundle(folder, 'onnxruntime', 'int8')


def test_unknown_names_list_the_known(folder: Path) -> None:
    with pytest.raises(BackendError, match='no backend `tpu`: choose auto or one of tensorrt'):
        load_bundle(folder, 'tpu')
    with pytest.raises(BackendError, match='no precision `fp8`: choose auto or one of fp32'):
        load_bundle(folder, precision='fp8')


@pytest.mark.parametrize('package', ['onnxruntime', 'openvino'])
def test_backend_that_is_not_installed_names_its_package(
    folder: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(BackendError, match=f'pip install {package}'):
        load_bundle(folder, package)
    other = 'openvino' if package == 'onnxruntime' else 'onnxruntime'
    with load_bundle(folder) as model:
        assert model.backend.name == other


@pytest.mark.skipif(count_gpus()[0] > 0, reason='this machine has an NVIDIA GPU')
@pytest.mark.parametrize('backend', ['tensorrt', 'tensorrt_rtx', 'onnxruntime-cuda'])
def test_gpu_backend_without_a_gpu_says_what_is_missing(folder: Path, backend: str) -> None:
    with pytest.raises(BackendError, match=rf'backend {backend} cannot run here.*NVIDIA'):
        load_bundle(folder, backend)


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_unsupported_operator_is_named(folder: Path, backend: str) -> None:
    model = onnx.load(folder / 'model.onnx')
    model.graph.node[0].op_type = 'Frobnicate'
    replace_graph(folder, model)
    with pytest.raises(BackendError, match='Frobnicate'):
        load_bundle(folder, backend, 'fp32')


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_a_foreign_graph_is_refused(folder: Path, backend: str) -> None:
    value = helper.make_tensor_value_info('image', TensorProto.FLOAT, [1, 3, 8, 8])
    other = helper.make_tensor_value_info('labels', TensorProto.FLOAT, [1, 3, 8, 8])
    node = helper.make_node('Identity', ['image'], ['labels'])
    graph = helper.make_graph([node], 'foreign', [value], [other])
    opset = [helper.make_opsetid('', 18)]
    replace_graph(folder, helper.make_model(graph, opset_imports=opset, ir_version=9))
    with pytest.raises(BundleError, match=r'input `image` uint8\[4d\] was expected, found'):
        load_bundle(folder, backend, 'fp32')


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_a_file_that_is_no_graph(folder: Path, backend: str) -> None:
    (folder / 'model.onnx').write_bytes(b'not a graph')
    sign(folder, 'model.onnx')
    with pytest.raises(BackendError, match=r'model\.onnx'):
        load_bundle(folder, backend, 'fp32')


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_threads_can_be_limited(folder: Path, backend: str) -> None:
    model = load_bundle(folder, backend, 'fp32', RuntimeOptions(threads=1))
    assert model.self_test().passed


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_memory_that_is_short_costs_the_frame_and_no_other(folder: Path, backend: str) -> None:
    code = """
import resource, sys
from pathlib import Path
import numpy as np
from flowenedet_ros.inference import BackendError, load_bundle
model = load_bundle(sys.argv[1], sys.argv[2], 'fp32')
small, large = (np.zeros((side, side, 3), np.uint8) for side in (90, 6000))
before = model.run(small).labels
used = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()
everything = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (used + 100_000_000, everything[1]))
try:
    model.run(large)
except BackendError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_AS, everything)
assert (model.run(small).labels == before).all()
"""
    given = [sys.executable, '-c', code, str(folder), backend]
    done = subprocess.run(given, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert 'failed on a frame: out of memory, give smaller images' in done.stdout


def test_outputs_follow_the_declared_order() -> None:
    from flowenedet_ros.inference.backends.base import OUTPUTS

    assert Outputs._fields == tuple(OUTPUTS)


@pytest.mark.parametrize(
    ('capability', 'runs'), [((8, 6), True), ((8, 7), False), ((9, 0), False), ((13, 0), True)]
)
def test_tensorrt_for_rtx_runs_on_the_gpus_it_names_and_on_newer_ones(capability, runs):
    assert supports(['NONE', 'CURRENT', 'SM75', 'SM86', 'SM89', 'SM120'], capability) == runs


def test_the_tensorrt_that_onnxruntime_was_built_for_is_asked_for(tmp_path):
    assert missing_tensorrt(tmp_path) is None
    (tmp_path / 'capi').mkdir()
    provider = tmp_path / 'capi' / 'libonnxruntime_providers_tensorrt.so'
    provider.write_bytes(b'ELF...libc.so.6\0libnvinfer.so.99\0...')
    assert missing_tensorrt(tmp_path) == 'libnvinfer.so.99'
