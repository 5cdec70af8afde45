"""TensorRT: real parser and builder where `tensorrt_rtx` is installed, then stand-ins for CUDA.

Nothing here ran on a GPU: the CUDA runtime is a fake over host memory, and the engines are real
files whose execution ONNX Runtime stands in for. `test_gpu.py` is for the real thing.
"""

import gc
from pathlib import Path

import numpy as np
import onnx
import pytest
from support.fake_cuda import FakeCudart
from support.tiny_bundle import smooth_image, write_tiny_bundle

from flowenedet_ros.inference import BackendError, RuntimeOptions, Thresholds
from flowenedet_ros.inference.backends.onnxruntime import OnnxRuntimeBackend

trt = pytest.importorskip('tensorrt_rtx', reason='tensorrt-rtx is not installed')

from support.fake_engine import FakeTensorRt  # noqa: E402

from flowenedet_ros.inference.backends.tensorrt.backend import TensorRtBackend  # noqa: E402
from flowenedet_ros.inference.backends.tensorrt.builder import build_engine  # noqa: E402

HALF = Thresholds(0.5, 0.5)


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp('tiny'), fp16=True)


@pytest.fixture(scope='module')
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp('cache')


def options(cache: Path, **changes: object) -> RuntimeOptions:
    return RuntimeOptions(
        camera=(120, 160), largest_image=(240, 320), batch=2, engine_cache=cache, **changes
    )


def fake_backend(folder: Path, cache: Path, cudart: FakeCudart, **changes: object):
    model = folder / 'model.onnx'
    fake = FakeTensorRt(cudart, model)
    return TensorRtBackend(
        model, 'fp32', options(cache, **changes), 'tensorrt_rtx', trt=fake, cudart=cudart
    )


@pytest.mark.parametrize('name', ['model.onnx', 'model_fp16.onnx'])
def test_real_builder_accepts_the_graph(folder: Path, name: str) -> None:
    seen: list[tuple[str, float]] = []
    settings = RuntimeOptions(
        workspace_mb=512, batch=2, progress=lambda text, done: seen.append((text, done))
    )
    assert len(build_engine(trt, folder / name, settings)) > 10_000
    fractions = [done for _, done in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)
    assert 'building the TensorRT engine' in seen[0][0]


def test_unsupported_operator_is_named(folder: Path, tmp_path: Path) -> None:
    model = onnx.load(folder / 'model.onnx')
    model.graph.node[3].op_type = 'Frobnicate'
    path = tmp_path / 'strange.onnx'
    path.write_bytes(model.SerializeToString())
    with pytest.raises(BackendError, match=r'cannot read .*strange\.onnx: .*Frobnicate'):
        build_engine(trt, path, RuntimeOptions())


def test_memory_that_is_short_at_the_build_is_said(folder: Path) -> None:
    class Module:
        """The real library, but for a builder that finds no memory."""

        def __getattr__(self, name: str) -> object:
            return getattr(trt, name)

        class Builder(trt.Builder):
            def __init__(self, logger) -> None:
                super().__init__(logger)
                self.log = logger.log

            def build_serialized_network(self, network, config):
                self.log(trt.ILogger.Severity.ERROR, '[defaultAllocator] Requested: Out of memory')

    with pytest.raises(BackendError, match=r'cannot build .*: out of memory, .*defaultAllocator'):
        build_engine(Module(), folder / 'model.onnx', RuntimeOptions())


def test_a_file_that_is_no_graph(tmp_path: Path) -> None:
    path = tmp_path / 'model.onnx'
    path.write_bytes(b'nothing')
    with pytest.raises(BackendError, match=r'TensorRT cannot read .*model\.onnx'):
        build_engine(trt, path, RuntimeOptions())


def test_accelerator_that_is_not_there_is_refused(folder: Path) -> None:
    with pytest.raises(BackendError, match='dla_core is 0: this machine has none'):
        build_engine(trt, folder / 'model.onnx', RuntimeOptions(dla_core=0))


def test_no_driver_is_said_before_any_runtime_is_made(folder: Path, cache: Path) -> None:
    with pytest.raises(BackendError, match='no usable NVIDIA driver: CUDA driver version'):
        fake_backend(folder, cache, FakeCudart(gpus=0))


def test_real_cuda_runtime_reports_the_missing_driver(folder: Path, cache: Path) -> None:
    cudart = pytest.importorskip('cuda.bindings.runtime', reason='cuda-python is not installed')
    if int(cudart.cudaGetDeviceCount()[0]) == 0:
        pytest.skip('this machine has an NVIDIA GPU: test_gpu.py covers it')
    with pytest.raises(BackendError, match='no usable NVIDIA driver'):
        TensorRtBackend(folder / 'model.onnx', 'fp32', options(cache), 'tensorrt_rtx')


def test_gpu_that_is_not_there(folder: Path, cache: Path) -> None:
    with pytest.raises(BackendError, match='gpu_id is 3: this machine has GPUs 0 to 0'):
        fake_backend(folder, cache, FakeCudart(), gpu_id=3)


def test_fake_gpu_gives_what_onnxruntime_gives(folder: Path, cache: Path) -> None:
    cudart = FakeCudart()
    backend = fake_backend(folder, cache, cudart)
    reference = OnnxRuntimeBackend(folder / 'model.onnx', 'fp32', RuntimeOptions())
    # Small, large, then small again: what an earlier frame left in the buffers must not show.
    for seed, (height, width, batch) in enumerate(
        [(120, 160, 1), (120, 160, 1), (120, 160, 1), (240, 320, 2), (240, 320, 2), (90, 100, 1)]
    ):
        images = np.stack([smooth_image(height, width, seed + i) for i in range(batch)])
        found = backend.infer(images, Thresholds(0.4, 0.6))
        expected = reference.infer(images, Thresholds(0.4, 0.6))
        for name in expected._fields:
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert cudart.launches == 3  # the first frame of each size runs call by call
    backend.close()


def test_thresholds_reach_a_captured_graph(folder: Path, cache: Path) -> None:
    backend = fake_backend(folder, cache, FakeCudart())
    images = smooth_image(120, 160)[None]
    for _ in range(3):
        backend.infer(images, HALF)
    assert backend.infer(images, Thresholds(0.0, 1.0)).idm_mask.min() == 255
    assert backend.infer(images, Thresholds(1.0, 1.0)).idm_mask.max() == 0


def test_a_stream_that_cannot_be_captured_runs_plainly(folder: Path, cache: Path) -> None:
    cudart = FakeCudart()
    cudart.can_capture = False
    backend = fake_backend(folder, cache, cudart)
    images = smooth_image(120, 160)[None]
    labels = [backend.infer(images, HALF).labels for _ in range(3)]
    assert cudart.launches == 0
    assert all(np.array_equal(labels[0], other) for other in labels)


def test_buffers_are_reserved_once_and_freed(folder: Path, cache: Path) -> None:
    cudart = FakeCudart()
    free = cudart.free
    backend = fake_backend(folder, cache, cudart)
    reserved = len(cudart.buffers)
    for size in (60, 90, 120):
        backend.infer(smooth_image(size, 160)[None], HALF)
        backend.infer(smooth_image(size, 160)[None], HALF)
    assert len(cudart.buffers) == reserved
    backend.close()
    assert (cudart.free, cudart.buffers, cudart.streams, cudart.graphs) == (free, {}, 0, 0)


def test_results_survive_later_frames_and_the_backend(folder: Path, cache: Path) -> None:
    backend = fake_backend(folder, cache, FakeCudart())
    first = backend.infer(smooth_image(120, 160, 1)[None], HALF).labels
    kept = first.copy()
    backend.infer(smooth_image(120, 160, 2)[None], HALF)
    backend.close()
    gc.collect()
    np.testing.assert_array_equal(first, kept)


def test_image_beyond_the_engines_sizes(folder: Path, cache: Path) -> None:
    backend = fake_backend(folder, cache, FakeCudart())
    with pytest.raises(BackendError, match=r'shape \(1, 480, 640, 3\) do not fit this engine'):
        backend.infer(smooth_image(480, 640)[None], HALF)
    assert backend.infer(smooth_image(120, 160)[None], HALF).labels.shape == (1, 96, 128)


def test_gpu_memory_that_is_short_is_an_error_and_all_is_freed(folder: Path, cache: Path) -> None:
    cudart = FakeCudart(memory=500_000)
    with pytest.raises(BackendError, match='cudaMalloc: out of memory'):
        fake_backend(folder, cache, cudart)
    assert (cudart.buffers, cudart.streams) == ({}, 0)


def test_second_start_loads_the_engine_of_the_first(folder: Path, tmp_path: Path) -> None:
    told: list[str] = []

    def progress(text: str, _: float) -> None:
        told.append(text)

    first = fake_backend(folder, tmp_path, FakeCudart(), progress=progress)
    assert told
    written = first.file.stat().st_ino
    told.clear()
    second = fake_backend(folder, tmp_path, FakeCudart(), progress=progress)
    assert not told
    assert second.file.stat().st_ino == written


def test_accelerators_take_no_fp32(folder: Path, cache: Path) -> None:
    with pytest.raises(BackendError, match='accelerators compute no fp32: choose fp16'):
        fake_backend(folder, cache, FakeCudart(), dla_core=0)


def test_bf16_is_not_a_tensorrt_precision(folder: Path, cache: Path) -> None:
    with pytest.raises(BackendError, match='takes its precision from the file'):
        TensorRtBackend(folder / 'model.onnx', 'bf16', options(cache), 'tensorrt_rtx')


def test_engine_of_another_file_has_another_name(folder: Path, tmp_path: Path) -> None:
    first = fake_backend(folder, tmp_path, FakeCudart()).file
    model = onnx.load(folder / 'model.onnx')
    model.doc_string = 'changed'
    other = tmp_path / 'model.onnx'
    other.write_bytes(model.SerializeToString())
    second = fake_backend(tmp_path, tmp_path, FakeCudart()).file
    assert first != second
