"""The figures of a benchmark as a picture: times and memory as bars, then how they grow."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

_FUSED, _ALONE, _MARK, _GRID, _TEXT = '#1f6f8b', '#a9c3d1', '#333333', '#dddddd', '#222222'
_LINES = ('#1f6f8b', '#d1495b', '#66a182', '#8d6a9f', '#b07d2b', '#2e4057', '#00798c', '#777777')
_LEFT, _WIDE, _MEMORY, _ROW = 330, 380, 90, 17
_PANEL, _PANEL_LEFT, _LEGEND = 240, 70, 320
_WIDTH = _LEFT + _WIDE + _MEMORY + 130

Row = dict[str, Any]


def svg_chart(result: dict[str, Any]) -> str:
    """Draw the median of every row, grouped by model and size, and how medians grow.

    Bars end at the median and have a mark at the 95th percentile. Growth with the size of the
    image and with the number of cameras has a panel each, where more than one was measured.
    """
    rows = [row for row in result['rows'] if 'error' not in row]
    y = 70
    parts: list[str] = []
    for _, group in _groups(rows):
        drawn, y = _bars(group, y)
        parts += drawn
    for title, axis in (('image size, megapixels', _megapixels), ('cameras in a call', _cameras)):
        drawn, y = _growth(rows, title, axis, y)
        parts += drawn
    machine = result['machine']
    where = f'{machine["processor"]}, {machine["cores"]} cores'
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{y}" '
        f'viewBox="0 0 {_WIDTH} {y}" font-family="sans-serif" font-size="12" fill="{_TEXT}">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        _text(12, 22, f'Time of one call, ms, on {where}', size=15),
        _box(12, 34, 14, 11, _FUSED) + _text(32, 44, 'whole graph'),
        _box(132, 34, 14, 11, _ALONE) + _text(152, 44, 'frozen segmenter alone'),
        _box(320, 33, 2, 13, _MARK) + _text(330, 44, '95th percentile'),
        _text(_WIDTH - 12, 44, 'peak memory', anchor='end'),
    ]
    return '\n'.join([*head, *parts, '</svg>', ''])


def _groups(rows: Sequence[Row]) -> Iterator[tuple[tuple[Any, ...], list[Row]]]:
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        key = row['model'], row['height'], row['width'], row['batch']
        found.setdefault(key, []).append(row)
    yield from found.items()


def _bars(rows: Sequence[Row], y: int) -> tuple[list[str], int]:
    first = rows[0]
    cameras = f', {first["batch"]} cameras' if first['batch'] > 1 else ''
    title = f'{first["model"]}, {first["height"]}x{first["width"]}{cameras}'
    parts = [_text(12, y + 12, title, weight='bold')]
    y += 20
    longest = max(row['p95_ms'] for row in rows)
    for row in sorted(rows, key=lambda row: (row['backend'], row['precision'], row['graph'])):
        fused = row['graph'] == 'fused'
        bar, mark = (_WIDE * row[key] / longest for key in ('median_ms', 'p95_ms'))
        name = f'{row["backend"]} {row["precision"]}' if fused else 'segmenter alone'
        parts += [
            _text(_LEFT - 8, y + 12, name, anchor='end'),
            _box(_LEFT, y + 2, bar, 12, _FUSED if fused else _ALONE),
            _box(_LEFT + mark, y + 1, 2, 14, _MARK),
            _text(_LEFT + mark + 7, y + 12, f'{row["median_ms"]:.1f}'),
            _text(_WIDTH - 12, y + 12, f'{row["peak_rss_mb"]:.0f} MB', anchor='end'),
        ]
        y += _ROW
    return parts, y + 14


def _growth(rows: Sequence[Row], title: str, axis: Any, y: int) -> tuple[list[str], int]:
    """Draw a line for each configuration that was measured at more than one point of an axis."""
    lines: dict[str, dict[float, float]] = {}
    for row in rows:
        name, place = axis(row)
        if row['graph'] == 'fused' and name is not None:
            key = f'{row["model"]} {row["backend"]} {row["precision"]}{name}'
            lines.setdefault(key, {})[place] = row['median_ms']
    lines = {name: points for name, points in lines.items() if len(points) > 1}
    if not lines:
        return [], y
    right = max(place for points in lines.values() for place in points)
    top = max(ms for points in lines.values() for ms in points.values())
    wide = _WIDTH - _PANEL_LEFT - _LEGEND - 30
    parts = [_text(12, y + 12, f'Median by {title}', weight='bold')]
    y += 28

    def x_of(place: float) -> float:
        return _PANEL_LEFT + wide * place / right

    def y_of(ms: float) -> float:
        return y + _PANEL * (1 - ms / top)

    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        height = y_of(top * share)
        parts.append(_box(_PANEL_LEFT, height, wide, 1, _GRID))
        parts.append(_text(_PANEL_LEFT - 8, height + 4, f'{top * share:.0f}', anchor='end'))
    for place in sorted({place for points in lines.values() for place in points}):
        parts.append(_text(x_of(place), y + _PANEL + 18, f'{place:g}', anchor='middle'))
    for i, (name, points) in enumerate(lines.items()):
        color = _LINES[i % len(_LINES)]
        path = ' '.join(f'{x_of(p):.1f},{y_of(points[p]):.1f}' for p in sorted(points))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{x_of(p):.1f}" cy="{y_of(ms):.1f}" r="3" fill="{color}"/>'
            for p, ms in points.items()
        ]
        left, height = _WIDTH - _LEGEND, y + 12 + 18 * i
        parts += [_box(left, height - 9, 14, 10, color), _text(left + 20, height, name)]
    return parts, y + max(_PANEL + 34, 18 * len(lines) + 20)


def _megapixels(row: Row) -> tuple[str | None, float]:
    if row['batch'] != 1:
        return None, 0.0
    return '', round(row['height'] * row['width'] / 1e6, 2)


def _cameras(row: Row) -> tuple[str | None, float]:
    return f' {row["height"]}x{row["width"]}', float(row['batch'])


def _text(
    x: float, y: float, text: str, *, anchor: str = 'start', size: int = 12, weight: str = 'normal'
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
        f'font-weight="{weight}">{escape(text)}</text>'
    )


def _box(x: float, y: float, width: float, height: float, color: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{color}"/>'
    )
