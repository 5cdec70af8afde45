import subprocess
import sys
from pathlib import Path

import pytest

from flowenedet_ros.cli.main import SUBCOMMANDS


def flowenedet(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, '-m', 'flowenedet_ros.cli.main', *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_help_lists_every_subcommand() -> None:
    result = flowenedet('--help')
    assert result.returncode == 0
    for name in SUBCOMMANDS:
        assert name in result.stdout


def test_every_listed_subcommand_explains_itself() -> None:
    for name in SUBCOMMANDS:
        result = flowenedet(name, '--help')
        assert result.returncode == 0, result.stderr
        assert f'flowenedet {name}' in result.stdout


def test_help_needs_no_heavy_library() -> None:
    script = (
        'import sys; from flowenedet_ros.cli.main import main\n'
        'try: main(["--help"])\n'
        'except SystemExit: pass\n'
        'heavy = {"torch", "numpy", "cv2", "rosbags", "onnxruntime", "rclpy"} & set(sys.modules)\n'
        'sys.exit(f"imported {heavy}" if heavy else 0)'
    )
    result = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize('arguments', [('fly',), (), ('bag',), ('bag', 'a', 'b', '--wings')])
def test_wrong_usage_is_said_in_words(arguments: tuple[str, ...]) -> None:
    result = flowenedet(*arguments)
    assert result.returncode == 2
    assert 'error:' in result.stderr
    assert 'Traceback' not in result.stderr


def test_wrong_input_is_one_line_without_traceback(tmp_path: Path) -> None:
    result = flowenedet('bag', str(tmp_path / 'nowhere'), str(tmp_path / 'out'))
    assert result.returncode == 2
    assert result.stderr.startswith('flowenedet: error: ')
    assert 'nowhere' in result.stderr
    assert 'Traceback' not in result.stderr


def test_a_count_of_nothing_is_refused(tmp_path: Path) -> None:
    given = ('--data', 'x', '--validation', 'x', '--out', str(tmp_path), '--average-steps', '0')
    result = flowenedet('train-segmenter', *given)
    assert result.returncode == 2
    assert '--average-steps 0: expected a whole number from 1 on' in result.stderr
    assert 'Traceback' not in result.stderr
