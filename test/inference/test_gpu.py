"""A real GPU: what stand-ins cannot show of TensorRT, CUDA and ONNX Runtime."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.tiny_bundle import smooth_image, write_tiny_bundle

from flowenedet_ros.inference import BackendError, RuntimeOptions, Thresholds, load_bundle
from flowenedet_ros.inference.backends.tensorrt.backend import TensorRtBackend
from flowenedet_ros.inference.backends.tensorrt.cuda import Cuda, import_cudart
from flowenedet_ros.inference.bundle import bundled_models, find_bundle
from flowenedet_ros.inference.probe import count_gpus, probe_backend

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not count_gpus()[0], reason=f'no GPU: {count_gpus()[1]}'),
]
BACKENDS = ('tensorrt', 'tensorrt_rtx')


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    probe = probe_backend(request.param)
    if not probe.usable:
        pytest.skip(f'{request.param}: {probe.detail}')
    return str(request.param)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_bundle(tmp_path / 'tiny', fp16=True)


@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_perception_is_that_of_onnxruntime(
    folder: Path, tmp_path: Path, backend: str, precision: str
) -> None:
    options = RuntimeOptions(batch=2, engine_cache=tmp_path / 'cache')
    reference = load_bundle(folder, 'onnxruntime', 'fp32')
    with load_bundle(folder, backend, precision, options) as model:
        assert model.self_test().passed
        for height, width in [(240, 320), (240, 320), (240, 320), (90, 120), (720, 1280)]:
            images = [smooth_image(height, width, seed) for seed in (1, 2)]
            for found, image in zip(model.run_batch(images), images, strict=True):
                expected = reference.run(image)
                assert np.mean(found.labels == expected.labels) > 0.995
                np.testing.assert_allclose(found.ood_score, expected.ood_score, atol=0.02)
        model.thresholds = Thresholds(0.0, 1.0)
        assert model.run(images[0]).idm_mask.min() == 255


def test_second_start_builds_nothing(folder: Path, tmp_path: Path, backend: str) -> None:
    told: list[str] = []
    options = RuntimeOptions(
        engine_cache=tmp_path / 'cache', progress=lambda text, _: told.append(text)
    )
    load_bundle(folder, backend, 'fp32', options).close()
    assert told
    told.clear()
    with load_bundle(folder, backend, 'fp32', options) as model:
        assert model.self_test().passed
    assert not told


def test_engine_of_another_gpu_is_built_again(folder: Path, tmp_path: Path, backend: str) -> None:
    options = RuntimeOptions(engine_cache=tmp_path / 'cache')
    load_bundle(folder, backend, 'fp32', options).close()
    (engine,) = (tmp_path / 'cache').glob('*.engine')
    engine.write_bytes(engine.read_bytes()[:-100])
    strict = RuntimeOptions(engine_cache=tmp_path / 'cache', on_bad_engine='error')
    with pytest.raises(BackendError, match='is damaged'):
        load_bundle(folder, backend, 'fp32', strict)
    with load_bundle(folder, backend, 'fp32', options) as model:
        assert model.self_test().passed


@pytest.mark.parametrize('precision', ['fp32', 'auto'])
@pytest.mark.parametrize('name', bundled_models() or ['none bundled'])
def test_bundled_models_pass_their_self_test(
    tmp_path: Path, backend: str, name: str, precision: str
) -> None:
    if name not in bundled_models():
        pytest.skip('no model is bundled')
    options = RuntimeOptions(engine_cache=tmp_path / 'cache')
    with load_bundle(name, backend, precision, options) as model:
        assert model.self_test().passed


@pytest.mark.parametrize(
    ('name', 'precision'),
    [('tiny', 'fp32'), ('tiny', 'fp16'), *((name, 'fp32') for name in bundled_models())],
)
def test_onnxruntime_on_the_gpu(folder: Path, name: str, precision: str) -> None:
    probe = probe_backend('onnxruntime-cuda')
    if not probe.usable:
        pytest.skip(f'onnxruntime-cuda: {probe.detail}')
    bundle = folder if name == 'tiny' else find_bundle(name)
    with load_bundle(bundle, 'onnxruntime-cuda', precision) as model:
        assert model.self_test().passed


@pytest.fixture
def cuda() -> Iterator[Cuda]:
    try:
        cudart = import_cudart()
    except BackendError as error:
        pytest.skip(str(error))
    cuda = Cuda(cudart, 0)
    yield cuda
    cuda.close()


def test_bytes_come_back_from_the_gpu_as_they_went(cuda: Cuda) -> None:
    size = 1 << 20
    sent, received, there = cuda.pinned(size), cuda.pinned(size), cuda.allocate(size)
    sent[:] = np.random.default_rng(0).integers(0, 256, size)
    cuda.upload(there, sent, size)
    cuda.download(received, there, size)
    cuda.wait()
    np.testing.assert_array_equal(received, sent)


def test_a_recorded_graph_runs_each_time_it_is_launched(cuda: Cuda) -> None:
    sent, received, there = cuda.pinned(16), cuda.pinned(16), cuda.allocate(16)
    sent[:], received[:] = 1, 0
    cuda.begin_capture()
    cuda.upload(there, sent, 16)
    cuda.download(received, there, 16)
    graph = cuda.end_capture()
    cuda.wait()
    assert not received.any(), 'it is recorded, not run'
    for value in (2, 3):
        sent[:] = value
        cuda.launch(graph)
        cuda.wait()
        assert (received == value).all()
    cuda.destroy_graph(graph)


def test_cuda_says_what_there_is_and_what_failed(cuda: Cuda) -> None:
    assert re.search(r'\w+ sm_\d{2,3}$', cuda.name())
    with pytest.raises(BackendError, match='cudaMalloc: out of memory'):
        cuda.allocate(1 << 50)
    with pytest.raises(BackendError, match='gpu_id is 999: this machine has GPUs 0 to'):
        Cuda(import_cudart(), 999)


def test_tensorrt_for_rtx_is_refused_only_where_it_does_not_run(
    folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip('tensorrt_rtx', reason='TensorRT for RTX is not installed')
    probe = probe_backend('tensorrt_rtx')
    if 'does not run on GPUs' not in probe.detail:
        pytest.skip('it runs here: the other tests show that')
    options = RuntimeOptions(engine_cache=tmp_path / 'cache')
    with pytest.raises(BackendError, match=r'cannot be used: .*compute capability'):
        TensorRtBackend(folder / 'model.onnx', 'fp32', options, 'tensorrt_rtx')
