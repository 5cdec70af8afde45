"""Benchmark the node from a program that has no ROS in it."""

import json
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flowenedet_ros.replay.benchmark.request import NodeRequest
from flowenedet_ros.replay.domains import claim_domain
from flowenedet_ros.replay.environment import ros_environment

LIMIT_S = 3600


def measure_node(request: NodeRequest) -> dict[str, Any]:
    """Give the figures of `node_figures`, or `{'error': ...}`.

    The camera is a process of its own: the middleware reads its environment when it is loaded, and
    the caller's other work must not delay it. It runs on a DDS domain that nobody else uses.
    """
    with TemporaryDirectory() as scratch:
        command = [sys.executable, '-m', __package__, json.dumps(asdict(request)), scratch]
        process = subprocess.Popen(
            command,
            env=ros_environment(claim_domain(), Path(scratch) / 'ros_log'),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            # Ctrl-C reaches it through us, once, so that it ends its node in peace.
            start_new_session=True,
        )
        try:
            _, said = process.communicate(timeout=LIMIT_S)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait()
        answer = Path(scratch) / 'node.json'
        if not answer.is_file():
            last = said.strip().splitlines()[-1:] or ['it said nothing']
            return {'error': f'the camera ended with status {process.returncode}: {last[0]}'}
        figures: dict[str, Any] = json.loads(answer.read_text(encoding='utf-8'))
        return figures
