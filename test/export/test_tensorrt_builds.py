"""TensorRT's own parser and builder, which need no GPU, take every graph that is exported."""

import onnx
import pytest
from small_parts import pictures, small_graph

from flowenedet_ros.cli.main import main
from flowenedet_ros.export.half import to_half
from flowenedet_ros.export.onnx_writer import export_fused
from flowenedet_ros.export.quantize import to_int8
from flowenedet_ros.inference.backends.base import RuntimeOptions
from flowenedet_ros.inference.backends.tensorrt.builder import build_engine
from flowenedet_ros.inference.bundle import bundled_models

trt = pytest.importorskip('tensorrt_rtx', reason='tensorrt-rtx is not installed')


@pytest.fixture(scope='module')
def model():
    return export_fused(small_graph())


@pytest.mark.parametrize('precision', ['fp32', 'fp16', 'int8'])
def test_every_precision_builds(model, tmp_path, precision):
    if precision == 'int8' and trt.__version__.startswith('1.4.'):
        pytest.skip(f'TensorRT for RTX {trt.__version__} has no int8 convolutions')
    written = {
        'fp32': lambda: model,
        'fp16': lambda: to_half(model),
        'int8': lambda: to_int8(model, list(pictures(2))),
    }[precision]()
    path = tmp_path / f'{precision}.onnx'
    onnx.save(written, path)
    assert len(build_engine(trt, path, RuntimeOptions())) > 100_000


@pytest.mark.parametrize('name', bundled_models())
def test_the_check_of_build_engine_takes_bundled_models(name, capsys):
    assert main(['build-engine', '--check', '--model', name]) == 0
    assert 'model.onnx: builds in TensorRT for RTX' in capsys.readouterr().out
