"""The figures of a benchmark as text."""

from collections.abc import Sequence
from typing import Any

from flowenedet_ros.inference.benchmark.rounds import Measured, ratio

_COLUMNS = ('median_ms', 'p95_ms', 'cpu_ms', 'host_ms', 'peak_rss_mb', 'start_s')
_REFERENCE = ('onnxruntime', 'fp32')


def overheads(measured: Sequence[Measured]) -> list[dict[str, Any]]:
    """Compare every fused graph with the segmenter alone in the same backend and size."""
    alone = {_key(one): one for one in measured if one.configuration.graph == 'segmenter'}
    rows = []
    for one in measured:
        other = alone.get(_key(one))
        if one.configuration.graph == 'segmenter' or other is None or not one.wall_ms:
            continue
        rows.append(
            _named(one)
            | {
                'wall': round(ratio(one, other), 4),
                'cpu': round(ratio(one, other, 'cpu_ms'), 4),
                'peak_rss': round(one.peak_rss_mb / other.peak_rss_mb, 4),
            }
        )
    return rows


def speedups(measured: Sequence[Measured]) -> list[dict[str, Any]]:
    """Compare every fused graph with ONNX Runtime in fp32 at the same size: greater is faster."""
    fused = [one for one in measured if one.configuration.graph == 'fused' and one.wall_ms]
    base = {
        _size(one): one
        for one in fused
        if (one.configuration.backend, one.configuration.precision) == _REFERENCE
    }
    return [
        _named(one)
        | {
            'wall': round(ratio(base[_size(one)], one), 3),
            'cpu': round(ratio(base[_size(one)], one, 'cpu_ms'), 3),
        }
        for one in fused
        if _size(one) in base
    ]


def _size(one: Measured) -> tuple[object, ...]:
    given = one.configuration
    return given.model, given.height, given.width, given.batch, given.network


def _key(one: Measured) -> tuple[object, ...]:
    return (*_size(one), one.configuration.backend, one.configuration.precision)


def _named(one: Measured) -> dict[str, Any]:
    given = one.configuration
    return {
        'model': given.model,
        'backend': given.backend,
        'precision': given.precision,
        'height': given.height,
        'width': given.width,
        'batch': given.batch,
    }


def text_table(result: dict[str, Any]) -> str:
    """Give all figures as lines of text."""
    lines = [f'{"configuration":<64}' + ''.join(f'{name:>13}' for name in _COLUMNS)]
    for row in result['rows']:
        if 'error' in row:
            lines.append(f'{_row_name(row):<64}  {row["error"]}')
        else:
            lines.append(f'{_row_name(row):<64}' + ''.join(f'{row[name]:>13}' for name in _COLUMNS))
    for title, key in (
        ('fused graph over the segmenter alone', 'overheads'),
        ('times as fast as ONNX Runtime fp32', 'speedups'),
    ):
        for row in result[key]:
            figures = ', '.join(f'{k} {row[k]}' for k in ('wall', 'cpu', 'peak_rss') if k in row)
            lines.append(f'{title}: {_row_name(row)}: {figures}')
    for row in result['stages']:
        times = ', '.join(f'{stage} {ms:.2f} ms' for stage, ms in row['ms'].items())
        lines.append(f'stages of {row["model"]} (ONNX Runtime fp32, one thread): {times}')
    for row in result['quality']:
        lines.append(
            f'quality {row["task"]} {row["backend"]} {row["precision"]}: AUROC {row["auroc"]:.4f} '
            f'AP {row["ap"]:.4f} FPR95 {row["fpr95"]:.4f} ({row["images"]} images)'
        )
    for model, table in result['floors'].items():
        lines += [
            f'floor of {model} on {row["machine"]} {row["precision"]}: {row["floor_ms"]} ms'
            for row in table['floors']
        ]
    for row in result['distances']:
        lines.append(
            f'{_row_name(row)}: {row["cpu_ms"]} ms of CPU time, {row["times"]} times the floor of '
            f'{row["machine"]}'
        )
    return '\n'.join(lines)


def _row_name(row: dict[str, Any]) -> str:
    parts = [row[key] for key in ('model', 'backend', 'precision', 'graph') if key in row]
    return f'{" ".join(parts)} {row["height"]}x{row["width"]} batch {row["batch"]}'
