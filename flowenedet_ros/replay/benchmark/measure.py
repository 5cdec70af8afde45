"""Benchmark the node from a program that has no ROS in it."""

import contextlib
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flowenedet_ros.replay.benchmark.request import NodeRequest
from flowenedet_ros.replay.domains import claim_domain, release_domain
from flowenedet_ros.replay.environment import ros_environment

LIMIT_S = 3600


def measure_node(request: NodeRequest) -> dict[str, Any]:
    """Give the figures of `node_figures`, or `{'error': ...}`.

    The camera is a process of its own: the middleware reads its environment when it is loaded, and
    the caller's other work must not delay it. It runs on a DDS domain that nobody else uses.
    """
    domain = claim_domain()
    try:
        with TemporaryDirectory() as scratch:
            return _measure(request, domain, Path(scratch))
    finally:
        release_domain(domain)


def _measure(request: NodeRequest, domain: int, scratch: Path) -> dict[str, Any]:
    said, answer = scratch / 'said.txt', scratch / 'node.json'
    with said.open('wb') as output:
        process = subprocess.Popen(
            [sys.executable, '-m', __package__, json.dumps(asdict(request)), str(scratch)],
            env=ros_environment(domain, scratch / 'ros_log'),
            # Never written to: it ends with us, however we end, and the camera with it.
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=output,
            # Ctrl-C reaches it in this way alone, so that it ends its node in peace.
            start_new_session=True,
        )
    assert process.stdin is not None
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LIMIT_S)
    finally:
        process.stdin.close()
        process.wait()
    if not answer.is_file():
        last = said.read_text(errors='replace').strip().splitlines()[-1:] or ['it said nothing']
        return {'error': f'the camera ended with status {process.returncode}: {last[0]}'}
    figures: dict[str, Any] = json.loads(answer.read_text(encoding='utf-8'))
    return figures
