"""`flowenedet doctor` and `build-engine`, as a user calls them."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.tiny_bundle import write_tiny_bundle

from flowenedet_ros.inference.probe import count_gpus


def flowenedet(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, '-m', 'flowenedet_ros.cli.main', *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_bundle(tmp_path / 'tiny')


def test_doctor_names_what_runs_and_how_fast(folder: Path) -> None:
    result = flowenedet('doctor', '--model', folder, '--backend', 'onnxruntime')
    assert 'onnxruntime fp32 would run' in result.stdout
    assert 'passed: labels agree on 100.00 %' in result.stdout
    assert 'ms per 720x1280 image' in result.stdout
    has_ros = 'ok      ROS 2' in result.stdout
    assert result.returncode == (0 if has_ros else 1)
    assert ('The node can start.' in result.stdout) == has_ros


def test_doctor_says_what_is_missing_and_what_to_do(folder: Path) -> None:
    result = flowenedet('doctor', '--model', folder, '--backend', 'onnxruntime')
    lines = result.stdout.splitlines()
    for i, line in enumerate(lines):
        if line.startswith(('absent', 'broken')):
            assert '-> ' in lines[i + 1]


def test_doctor_fails_where_ros_is_missing(folder: Path) -> None:
    script = 'import sys; sys.modules["rclpy"] = None\nfrom flowenedet_ros.cli.main import main\n'
    command = [sys.executable, '-c', f'{script}sys.exit(main(sys.argv[1:]))', 'doctor']
    result = subprocess.run(
        [*command, '--model', str(folder), '--backend', 'onnxruntime'],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert result.returncode == 1, result.stderr
    assert '-> run `make setup`, or `source /opt/ros/' in result.stdout
    assert 'The node cannot start: ROS 2' in result.stdout
    # The rest is still looked at.
    assert 'onnxruntime fp32 would run' in result.stdout


def test_doctor_fails_for_a_broken_model(folder: Path) -> None:
    (folder / 'model.onnx').write_bytes(b'')
    result = flowenedet('doctor', '--model', folder)
    assert result.returncode == 1
    assert 'model.onnx is not the file that model.yaml describes' in result.stdout
    assert 'The node cannot start: ' in result.stdout


def test_doctor_fails_for_a_model_that_is_not_there() -> None:
    result = flowenedet('doctor', '--model', 'nothing_like_it')
    assert result.returncode == 1
    assert 'no model `nothing_like_it`' in result.stdout


def test_check_builds_every_file_without_a_gpu(tmp_path: Path) -> None:
    pytest.importorskip('tensorrt_rtx', reason='tensorrt-rtx is not installed')
    folder = write_tiny_bundle(tmp_path / 'tiny', fp16=True)
    result = flowenedet('build-engine', '--model', folder, '--check')
    assert result.returncode == 0, result.stderr
    assert 'model.onnx: builds in TensorRT for RTX' in result.stdout
    assert 'model_fp16.onnx: builds in TensorRT for RTX' in result.stdout


@pytest.mark.skipif(count_gpus()[0] > 0, reason='this machine has an NVIDIA GPU')
def test_build_without_a_gpu_says_so(folder: Path) -> None:
    result = flowenedet('build-engine', '--model', folder)
    assert result.returncode == 2
    assert 'no engine can be built here (tensorrt: no NVIDIA driver' in result.stderr
