"""Charts as PNG, for slides and for papers whose tools take no SVG."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.evaluation.report.charts import Chart, ticks
from flowenedet_ros.evaluation.report.svg import HEIGHT, WIDTH, place

_SCALE = 3
_SHIFT = 4
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_INK = (40, 40, 40)
_ROW = 15


def write_png(path: Path, chart: Chart) -> None:
    """Draw one chart three times as large as on the page."""
    rows = -(-len(chart.lines) // 2)
    canvas = np.full(((HEIGHT + rows * _ROW) * _SCALE, WIDTH * _SCALE, 3), 255, np.uint8)
    _grid(canvas, chart)
    for line in chart.lines:
        points = line.points[:, np.isfinite(line.points).all(axis=0)]
        x, y = points[0], points[1].clip(*chart.y_range)
        if line.filled and len(x) > 1:
            x = np.repeat(np.append(x, 2 * x[-1] - x[-2]), 2)[1:-1]
            y = np.repeat(y, 2)
        drawn = [_at(chart, float(a), float(b)) for a, b in zip(x, y, strict=True)]
        if drawn:
            _polyline(canvas, np.array(drawn), line.color, line.width)
    for index, line in enumerate(chart.lines):
        x = 56 + (index % 2) * (WIDTH - 56) // 2
        y = HEIGHT + 2 + (index // 2) * _ROW
        ends = np.array([[x, y], [x + 18, y]], float) * _SCALE
        _polyline(canvas, ends, line.color, max(2.0, line.width))
        _text(canvas, line.name, x + 24, y + 4)
    cv2.imwrite(str(path), canvas)


def _at(chart: Chart, x: float, y: float) -> tuple[float, float]:
    across, down = place(chart, x, y)
    return across * _SCALE, down * _SCALE


def _grid(canvas: NDArray[np.uint8], chart: Chart) -> None:
    (x0, x1), (y0, y1) = chart.x_range, chart.y_range
    for value in ticks(x0, x1):
        ends = np.array([_at(chart, value, y0), _at(chart, value, y1)])
        _polyline(canvas, ends, '#dddddd', 1.0)
        x, y = place(chart, value, y0)
        _text(canvas, f'{value:g}', x, y + 14, 'middle')
    for value in ticks(y0, y1):
        ends = np.array([_at(chart, x0, value), _at(chart, x1, value)])
        _polyline(canvas, ends, '#dddddd', 1.0)
        x, y = place(chart, x0, value)
        _text(canvas, f'{value:g}', x - 6, y + 4, 'end')
    _text(canvas, chart.title, WIDTH / 2, 18, 'middle', 0.45)
    _text(canvas, chart.x_label, WIDTH / 2 + 20, HEIGHT - 12, 'middle')
    _upright(canvas, chart.y_label)


def _polyline(
    canvas: NDArray[np.uint8], points: NDArray[np.float64], color: str, width: float
) -> None:
    fixed = np.round(points * (1 << _SHIFT)).astype(np.int32).reshape(-1, 1, 2)
    thick = max(1, round(width * _SCALE / 2))
    cv2.polylines(canvas, [fixed], False, _bgr(color), thick, cv2.LINE_AA, _SHIFT)


def _text(
    canvas: NDArray[np.uint8],
    text: str,
    x: float,
    y: float,
    anchor: str = 'start',
    size: float = 0.36,
) -> None:
    scale = size * _SCALE
    (width, _), _ = cv2.getTextSize(text, _FONT, scale, _SCALE // 2)
    left = x * _SCALE - {'start': 0, 'middle': width / 2, 'end': width}[anchor]
    origin = (round(left), round(y * _SCALE))
    cv2.putText(canvas, text, origin, _FONT, scale, _INK, _SCALE // 2, cv2.LINE_AA)


def _upright(canvas: NDArray[np.uint8], text: str) -> None:
    side = np.full((20 * _SCALE, HEIGHT * _SCALE, 3), 255, np.uint8)
    _text(side, text, HEIGHT / 2 + 8, 14, 'middle')
    canvas[: HEIGHT * _SCALE, : 18 * _SCALE] = cv2.rotate(side, cv2.ROTATE_90_COUNTERCLOCKWISE)[
        :, : 18 * _SCALE
    ]


def _bgr(color: str) -> tuple[int, int, int]:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return blue, green, red
