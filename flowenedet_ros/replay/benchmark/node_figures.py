"""The figures of the ROS path, as the benchmark's JSON has them."""

from pathlib import Path
from typing import Any

import numpy as np

from flowenedet_ros.inference.bundle import find_bundle
from flowenedet_ros.replay.benchmark.idle_bundle import write_idle_bundle
from flowenedet_ros.replay.benchmark.node_run import Run, Stream, run_node
from flowenedet_ros.replay.benchmark.request import NodeRequest

STAGES = ('wait', 'convert', 'pre', 'backend', 'post', 'publish')
CPU_RATE_HZ = 10.0


def node_figures(request: NodeRequest, scratch: Path) -> dict[str, Any]:
    """Run the node twice and sum up.

    First with the model, under a camera of half the rate that it can sustain: ages, the backend's
    times, and the median of `delivery_ms`, from the stamp to the worker. Then at 10 Hz with a
    network of the same outputs that computes nothing, so that what is left is the ROS side however
    heavy the network: the median of `ros_ms_per_frame`, conversion and publication in the worker,
    and the processor time of the whole process, reception and reports included.

    :raises ReplayError: the node does not run.
    """
    size = request.height, request.width
    model = find_bundle(request.model).absolute()
    given = {
        'model': str(model),
        'backend': request.backend,
        'precision': request.precision,
        'threads': str(request.threads),
    }
    loaded = run_node(given, Stream(size, None, request.frames), scratch / 'node.log')
    idle = {
        'model': str(write_idle_bundle(model, scratch / 'idle')),
        'backend': 'onnxruntime',
        'precision': 'fp32',
        'threads': '1',
        'self_test': 'false',
    }
    bare = run_node(idle, Stream(size, CPU_RATE_HZ, request.frames), scratch / 'idle.log')
    return _figures(size, loaded, bare)


def _figures(size: tuple[int, int], loaded: Run, bare: Run) -> dict[str, Any]:
    age, backend = loaded.figure('age_p95_ms'), loaded.figure('backend_p95_ms')
    age_p50, backend_p50 = loaded.figure('age_p50_ms'), loaded.figure('backend_p50_ms')
    stages = {stage: loaded.figure(f'stage_{stage}_ms') for stage in STAGES}
    # What even the idle network takes is no cost of ROS.
    idle_ms = bare.figure('backend_p50_ms')
    bare_cpu_s = bare.cpu_s - 1e-3 * bare.frames * idle_ms
    return {
        'model': loaded.report['model'],
        'backend': loaded.report['backend'],
        'precision': loaded.report['precision'],
        'height': size[0],
        'width': size[1],
        'rate_hz': round(loaded.rate_hz, 2),
        'frames': loaded.frames,
        'age_p50_ms': age_p50,
        'age_p95_ms': age,
        'backend_p50_ms': backend_p50,
        'backend_p95_ms': backend,
        'age_over_backend_p95': round(age / backend, 4),
        'age_over_backend_p50': round(age_p50 / backend_p50, 4),
        'arrival_age_p95_ms': round(float(np.percentile(loaded.ages_ms, 95)), 3),
        'delivery_ms': round(age_p50 - float(np.median(loaded.processing_ms)), 3),
        'ros_ms_per_frame': round(float(np.median(bare.processing_ms)) - idle_ms, 3),
        'cpu_ms_per_frame': round(1e3 * loaded.cpu_s / loaded.frames, 3),
        'ros_cpu_ms_per_frame': round(1e3 * bare_cpu_s / bare.frames, 3),
        'cpu_percent_at_10hz': round(100.0 * bare_cpu_s / bare.wall_s, 2),
        'stages_ms': stages,
        'counters': dict(loaded.counters),
        'counters_at_10hz': dict(bare.counters),
    }
