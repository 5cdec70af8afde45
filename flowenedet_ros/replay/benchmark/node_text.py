"""The figures of the ROS path as text."""

from collections.abc import Mapping
from typing import Any


def node_text(node: Mapping[str, Any]) -> str:
    """Give the figures as lines of text."""
    if 'error' in node:
        return f'node: {node["error"]}'
    stages = ', '.join(f'{stage} {ms:.2f}' for stage, ms in node['stages_ms'].items())
    counts = ', '.join(f'{count} {name}' for name, count in node['counters'].items())
    return '\n'.join(
        [
            f'node: {node["model"]} {node["backend"]} {node["precision"]}, '
            f'{node["height"]}x{node["width"]} at {node["rate_hz"]:.1f} Hz: {counts}',
            f'node: age at publication p50 {node["age_p50_ms"]:.1f}, p95 {node["age_p95_ms"]:.1f} '
            f'ms; at a subscriber p95 {node["arrival_age_p95_ms"]:.1f} ms',
            f'node: backend p50 {node["backend_p50_ms"]:.1f}, p95 {node["backend_p95_ms"]:.1f} ms; '
            f'age p95 over backend p95 {node["age_over_backend_p95"]:.3f}',
            f'node: medians: from stamp to worker {node["delivery_ms"]:.1f} ms, '
            f'conversion and publication {node["ros_ms_per_frame"]:.1f} ms',
            f'node: processor, all but the network: {node["ros_cpu_ms_per_frame"]:.1f} ms a frame, '
            f'{node["cpu_percent_at_10hz"]:.1f} % of a core at 10 Hz',
            f'node: mean ms of each stage: {stages}',
        ]
    )
