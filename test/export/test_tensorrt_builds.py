"""TensorRT's own parser and builder, which need no GPU, take every graph that is exported."""

import os
import subprocess
import sys
from pathlib import Path

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

OLDER = Path(sys.prefix) / 'tensorrt-rtx-1.4'
BUILD = """
import sys
from pathlib import Path
import tensorrt_rtx
from flowenedet_ros.inference.backends.base import RuntimeOptions
from flowenedet_ros.inference.backends.tensorrt.builder import build_engine
engine = build_engine(tensorrt_rtx, Path(sys.argv[1]), RuntimeOptions())
print(tensorrt_rtx.__version__, len(engine))
"""
trt = pytest.importorskip('tensorrt_rtx', reason='tensorrt-rtx is not installed')


@pytest.fixture(scope='module')
def model():
    return export_fused(small_graph())


def write(model, precision, folder):
    written = {
        'fp32': lambda: model,
        'fp16': lambda: to_half(model),
        'int8': lambda: to_int8(model, list(pictures(2))),
    }[precision]()
    path = folder / f'{precision}.onnx'
    onnx.save(written, path)
    return path


@pytest.mark.parametrize('precision', ['fp32', 'fp16', 'int8'])
def test_every_precision_builds(model, tmp_path, precision):
    path = write(model, precision, tmp_path)
    assert len(build_engine(trt, path, RuntimeOptions())) > 100_000


@pytest.mark.skipif(
    not (OLDER / 'tensorrt_rtx').is_dir(),
    reason=f'no TensorRT for RTX 1.4 in {OLDER}, where `make setup-test` puts it',
)
@pytest.mark.parametrize('precision', ['fp32', 'fp16'])  # it has no int8 convolutions
def test_the_older_generation_builds_too(model, tmp_path, precision):
    path = write(model, precision, tmp_path)
    found = subprocess.run(
        [sys.executable, '-c', BUILD, path],
        env={**os.environ, 'PYTHONPATH': str(OLDER)},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    version, size = found.stdout.split()[-2:]
    assert version.startswith('1.4.')
    assert int(size) > 100_000


@pytest.mark.parametrize('name', bundled_models())
def test_the_check_of_build_engine_takes_bundled_models(name, capsys):
    assert main(['build-engine', '--check', '--model', name]) == 0
    assert 'model.onnx: builds in TensorRT for RTX' in capsys.readouterr().out
