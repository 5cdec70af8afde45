"""Charts as SVG: text stays text, colours are in the file, nothing is loaded."""

from html import escape

import numpy as np

from flowenedet_ros.evaluation.report.charts import Chart, Line, ticks

WIDTH, HEIGHT = 408, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 14, 30, 46
_LEGEND_ROW = 15


def svg(chart: Chart) -> str:
    """Return one chart as an SVG element with a title for screen readers."""
    rows = -(-len(chart.lines) // 2)
    height = HEIGHT + rows * _LEGEND_ROW
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'width="{WIDTH}" height="{height}" font-family="system-ui, sans-serif" font-size="11">',
        f'<title>{escape(chart.title)}</title>',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="{WIDTH / 2}" y="18" text-anchor="middle" font-size="13" '
        f'font-weight="600">{escape(chart.title)}</text>',
        *_axes(chart),
        *(_line(chart, line) for line in chart.lines),
        *_legend(chart),
        '</svg>',
    ]
    return '\n'.join(parts)


def place(chart: Chart, x: float, y: float) -> tuple[float, float]:
    """Return the place of a point of the chart in its picture, y downwards."""
    (x0, x1), (y0, y1) = chart.x_range, chart.y_range
    across = (x - x0) / (x1 - x0)
    up = (y - y0) / (y1 - y0)
    return (
        _LEFT + across * (WIDTH - _LEFT - _RIGHT),
        HEIGHT - _BOTTOM - up * (HEIGHT - _TOP - _BOTTOM),
    )


def _axes(chart: Chart) -> list[str]:
    (left, bottom), (right, top) = (
        place(chart, *_corner(chart, 0)),
        place(chart, *_corner(chart, 1)),
    )
    parts = []
    for value in ticks(*chart.x_range):
        x, _ = place(chart, value, chart.y_range[0])
        parts.append(_stroke(x, bottom, x, top))
        parts.append(
            f'<text x="{x:.1f}" y="{bottom + 14:.1f}" text-anchor="middle">{value:g}</text>'
        )
    for value in ticks(*chart.y_range):
        _, y = place(chart, chart.x_range[0], value)
        parts.append(_stroke(left, y, right, y))
        parts.append(f'<text x="{left - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    middle = (top + bottom) / 2
    parts.append(
        f'<text x="{(left + right) / 2:.1f}" y="{HEIGHT - 12}" text-anchor="middle">'
        f'{escape(chart.x_label)}</text>'
    )
    parts.append(
        f'<text x="13" y="{middle:.1f}" text-anchor="middle" '
        f'transform="rotate(-90 13 {middle:.1f})">{escape(chart.y_label)}</text>'
    )
    return parts


def _corner(chart: Chart, which: int) -> tuple[float, float]:
    return chart.x_range[which], chart.y_range[which]


def _stroke(x0: float, y0: float, x1: float, y1: float) -> str:
    return (
        f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" '
        'stroke="#dddddd" stroke-width="1"/>'
    )


def _line(chart: Chart, line: Line) -> str:
    inside = line.points[:, np.isfinite(line.points).all(axis=0)]
    if not inside.shape[1]:
        return ''
    x, y = inside.copy()
    if line.filled:
        # Steps: every bar begins at its left edge and ends where the next one begins.
        width = x[1] - x[0] if len(x) > 1 else 1.0
        x, y = np.repeat(np.append(x, x[-1] + width), 2)[1:-1], np.repeat(y, 2)
        x, y = np.concatenate([x[:1], x, x[-1:]]), np.concatenate([[0.0], y, [0.0]])
    y = y.clip(*chart.y_range)
    places = (place(chart, float(a), float(b)) for a, b in zip(x, y, strict=True))
    path = ' '.join(f'{a:.1f},{b:.1f}' for a, b in places)
    fill = f'{line.color}" fill-opacity="0.25' if line.filled else 'none'
    dash = ' stroke-dasharray="5 4"' if line.dashed else ''
    return (
        f'<polyline points="{path}" fill="{fill}" stroke="{line.color}" '
        f'stroke-width="{line.width}" stroke-linejoin="round"{dash}/>'
    )


def _legend(chart: Chart) -> list[str]:
    parts = []
    for index, line in enumerate(chart.lines):
        x = _LEFT + (index % 2) * (WIDTH - _LEFT) / 2
        y = HEIGHT + 2 + (index // 2) * _LEGEND_ROW
        parts.append(
            f'<line x1="{x}" y1="{y}" x2="{x + 18}" y2="{y}" stroke="{line.color}" '
            f'stroke-width="{max(2.0, line.width)}"/>'
        )
        parts.append(f'<text x="{x + 24}" y="{y + 4}">{escape(line.name)}</text>')
    return parts
