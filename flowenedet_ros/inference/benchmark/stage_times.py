"""Where the time of a fused graph goes, from ONNX Runtime's own record of every node."""

import json
import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from flowenedet_ros.inference.benchmark.graphs import STAGES, stages
from flowenedet_ros.inference.benchmark.worker import street


def stage_times(file: Path, height: int, width: int, frames: int = 10) -> dict[str, float]:
    """Return the milliseconds of each stage on one thread, in a process of its own.

    Of every node the least time over the frames counts, so that what else the machine does is no
    part of it.

    :param height: of the camera images; so is `width`.
    """
    context = multiprocessing.get_context('spawn')
    pipe, other = context.Pipe()
    process = context.Process(target=_profile, args=(file, height, width, frames, other))
    process.start()
    other.close()
    try:
        found: dict[str, float] = pipe.recv()
    except EOFError:
        found = {}
    process.join()
    return found


def _profile(file: Path, height: int, width: int, frames: int, pipe: Connection) -> None:
    import onnx
    import onnxruntime  # type: ignore[import-untyped]

    stage_of = stages(onnx.load(str(file)))
    with TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / 'profile')
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(
            str(file), options, providers=['CPUExecutionProvider']
        )
        half = np.array([0.5], np.float32)
        feeds = {'image': street(height, width)[None], 'idm_threshold': half, 'ood_threshold': half}
        for _ in range(frames):
            session.run(None, feeds)
        events = json.loads(Path(session.end_profiling()).read_text())
    pipe.send(_add_up(events, stage_of))


def _add_up(events: list[dict[str, Any]], stage_of: dict[str, str]) -> dict[str, float]:
    """Add up the least times of the nodes.

    Optimised nodes keep a name of what they were made of; one with a name of its own, such as a
    change of memory layout, belongs to the stage it stands in.
    """
    least: dict[str, float] = {}
    for event in events:
        if event['name'].endswith('_kernel_time'):
            name = event['name'].removesuffix('_kernel_time')
            least[name] = min(least.get(name, float('inf')), event['dur'] / 1e3)
    totals, current = dict.fromkeys(STAGES, 0.0), STAGES[0]
    for name, milliseconds in least.items():
        current = _stage(name, stage_of, current)
        totals[current] += milliseconds
    return totals


def _stage(name: str, stage_of: dict[str, str], current: str) -> str:
    while name:
        if name in stage_of:
            return stage_of[name]
        name = name.rpartition('_')[0]
    return current
