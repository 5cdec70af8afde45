"""Charts as plain data, drawn as SVG for the page and papers and as PNG for slides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.evaluation.curves import Curves
from flowenedet_ros.evaluation.methods import PRODUCT

Points = NDArray[np.float64]

# Okabe and Ito's colours, which people with any colour vision tell apart; the product's first.
_PRODUCT_COLOR = '#d55e00'
_COLORS = ('#0072b2', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#666666', '#8a6d00', '#000000')


@dataclass(frozen=True)
class Line:
    """One curve.

    :param points: (2, n) x and y.
    :param filled: bars from the bottom instead of a curve; x are their left edges.
    """

    name: str
    points: Points
    color: str
    width: float = 1.5
    dashed: bool = False
    filled: bool = False


@dataclass(frozen=True)
class Chart:
    """One chart.

    :param x_range: least and greatest x; likewise y.
    """

    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line]
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)
    note: str = field(default='')


def colors(names: Sequence[str]) -> dict[str, str]:
    """Return the colour of each method, the same in all charts."""
    others = [name for name in names if name != PRODUCT]
    table = {name: _COLORS[index % len(_COLORS)] for index, name in enumerate(others)}
    return table | {PRODUCT: _PRODUCT_COLOR}


def charts_of(kind: str, curves: Mapping[str, Curves]) -> dict[str, Chart]:
    """Return the charts of one task on one set by a short name."""
    palette = colors(list(curves))
    what = 'misclassified' if kind == 'idm' else 'unknown'
    found = {
        'roc': Chart(
            'ROC',
            'false-positive rate',
            'true-positive rate',
            [*_lines(curves, 'roc', palette), _diagonal('chance')],
        ),
        'pr': Chart('Precision and recall', 'recall', 'precision', _recalled(curves, palette)),
        'risk': _risk(kind, curves, palette),
    }
    reliable = {name: curve for name, curve in curves.items() if curve.reliability is not None}
    if reliable:
        found['reliability'] = _reliability(reliable, palette)
    shown = PRODUCT if PRODUCT in curves else next(iter(curves))
    found['histogram'] = _histogram(shown, curves[shown], what)
    return found


def _lines(curves: Mapping[str, Curves], attribute: str, palette: Mapping[str, str]) -> list[Line]:
    """Return one line a method, the product's last, so that it is on top."""
    ordered = sorted(curves, key=lambda name: name == PRODUCT)
    return [
        Line(name, getattr(curves[name], attribute), palette[name], 3.0 if name == PRODUCT else 1.5)
        for name in ordered
    ]


def _recalled(curves: Mapping[str, Curves], palette: Mapping[str, str]) -> list[Line]:
    """Return precision from a recall of 0.5 % on: before, it is that of a handful of pixels."""
    lines = _lines(curves, 'pr', palette)
    return [replace(line, points=line.points[:, line.points[0] >= 0.005]) for line in lines]


def _diagonal(name: str) -> Line:
    return Line(name, np.array([[0.0, 1.0], [0.0, 1.0]]), '#999999', 1.0, dashed=True)


def _risk(kind: str, curves: Mapping[str, Curves], palette: Mapping[str, str]) -> Chart:
    lines = _lines(curves, 'risk', palette)
    # The first few pixels kept can all be wrong: they would squeeze the rest against the axis.
    settled = (line.points[1, line.points[0] >= 0.05] for line in lines)
    top = max(float(risks.max(initial=0)) for risks in settled)
    name = 'error rate' if kind == 'idm' else 'share of unknown pixels'
    return Chart(
        'Risk and coverage',
        'share of pixels kept, least suspicious first',
        f'{name} among them',
        lines,
        y_range=(0.0, max(top * 1.1, 1e-3)),
    )


def _reliability(curves: Mapping[str, Curves], palette: Mapping[str, str]) -> Chart:
    lines = [_diagonal('calibrated')]
    for name in sorted(curves, key=lambda name: name == PRODUCT):
        found = curves[name].reliability
        if found is None:
            continue
        used = found.pixels > 0
        points = np.array([found.announced[used], found.observed[used]])
        label = f'{name} (ECE {100 * found.ece:.1f} %)'
        lines.append(Line(label, points, palette[name], 3.0 if name == PRODUCT else 1.5))
    return Chart('Reliability', 'rate announced', 'rate observed', lines)


def _histogram(name: str, curves: Curves, what: str) -> Chart:
    left, negatives, positives = curves.bars
    width = float(left[1] - left[0])
    top = float(max(negatives.max(), positives.max()))
    return Chart(
        f'Scores of {name}',
        'score (log-odds)',
        'share of pixels',
        [
            Line('the rest', np.array([left, negatives]), '#56b4e9', filled=True),
            Line(what, np.array([left, positives]), _PRODUCT_COLOR, filled=True),
        ],
        x_range=(float(left[0]), float(left[-1]) + width),
        y_range=(0.0, top * 1.05),
    )


def ticks(low: float, high: float) -> list[float]:
    """Return about five round numbers within a range."""
    step = 10 ** np.floor(np.log10(max(high - low, 1e-12)))
    for part in (0.1, 0.2, 0.25, 0.5, 1.0):
        if (high - low) / (step * part) <= 5.5:
            step *= part
            break
    first = np.ceil(low / step - 1e-9)
    count = int(np.floor(high / step + 1e-9) - first) + 1
    return [float((first + index) * step) for index in range(count)]
