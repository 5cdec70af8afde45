"""Tables of figures for the terminal and, as LaTeX, for papers."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from flowenedet_ros.evaluation.rank_metrics import RANKS

Figures = Mapping[str, Mapping[str, Any]]

HEADINGS = {
    'auroc': 'AUROC',
    'ap': 'AP',
    'fpr95': 'FPR95',
    'aurc': 'AURC',
    'ece': 'ECE',
    'separation': 'separation',
    'reverse_separation': 'reverse separation',
    'ood_auroc': 'OOD AUROC',
    'ood_ap': 'OOD AP',
    'ood_fpr95': 'OOD FPR95',
    'open_miou': 'open-mIoU, tuned on test',
    'open_miou_held_out': 'open-mIoU, held-out',
    'siou': 'sIoU',
    'ppv': 'PPV',
    'f1': 'mean F1',
}
_SMALLER_IS_BETTER = ('fpr95', 'aurc', 'ece')


def table(figures: Figures, columns: Sequence[str]) -> str:
    """Return a table in percent for the terminal; the best of each column has a star."""
    columns = _measured(figures, columns)
    best = best_values(figures, columns)
    rows = [['method', *(HEADINGS.get(column, column) for column in columns)]]
    for name, values in figures.items():
        cells = [_cell(values.get(column), best.get(column)) for column in columns]
        rows.append([name, *cells])
    widths = [max(len(row[i]) for row in rows) for i in range(len(columns) + 1)]
    lines = []
    for row in rows:
        first = row[0].ljust(widths[0])
        rest = '  '.join(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        lines.append(f'{first}  {rest}'.rstrip())
    lines.insert(1, '-' * len(lines[0]))
    return '\n'.join(lines)


def latex(figures: Figures, columns: Sequence[str], caption: str = '') -> str:
    """Return a booktabs table in percent; the best of each column is bold."""
    columns = _measured(figures, columns)
    best = best_values(figures, columns)
    heads = []
    for column in columns:
        arrow = r'$\downarrow$' if column.endswith(_SMALLER_IS_BETTER) else r'$\uparrow$'
        heads.append(f'{HEADINGS.get(column, column)} {arrow}')
    lines = [
        r'\begin{tabular}{l' + 'r' * len(columns) + '}',
        r'\toprule',
        ' & '.join(['Method', *heads]) + r' \\',
        r'\midrule',
    ]
    for name, values in figures.items():
        cells = [_latex_cell(values.get(column), best.get(column)) for column in columns]
        lines.append(' & '.join([name.replace('_', r'\_'), *cells]) + r' \\')
    lines += [r'\bottomrule', r'\end{tabular}']
    if caption:
        lines = [
            r'\begin{table}',
            r'\centering',
            *lines,
            rf'\caption{{{_escape(caption)}}}',
            r'\end{table}',
        ]
    return '\n'.join(lines) + '\n'


def markdown(content: Mapping[str, Any], sets: Mapping[str, tuple[Figures, int]]) -> str:
    """Return AUROC / AP / FPR95 of every set for a README, with what they were measured by.

    :param content: of the JSON file.
    :param sets: figures by method, and the number of images.
    """
    methods = list(content['methods'])
    lines = [
        f'`{content["command"]}`: model `{content["model"]}` '
        f'(`model.onnx` {content["model_sha256"][:12]}), data `{content["data"]}`, '
        f'{content["date"]}. AUROC / AP / FPR95 in %, the best of each set bold.',
        '',
        '| set | ' + ' | '.join(methods) + ' |',
        '|---' * (len(methods) + 1) + '|',
    ]
    for name, (figures, images) in sets.items():
        best = best_values(figures, RANKS)
        cells = [
            ' / '.join(_markdown_cell(figures[method].get(key), best.get(key)) for key in RANKS)
            for method in methods
        ]
        lines.append(f'| {name}, {images} images | ' + ' | '.join(cells) + ' |')
    for name, (figures, _) in sets.items():
        for errors in figures[methods[0]].get('separation_by_set', {}):
            values = {m: {'separation': figures[m]['separation_by_set'][errors]} for m in methods}
            top = best_values(values, ('separation',)).get('separation')
            cells = [_markdown_cell(values[method]['separation'], top) for method in methods]
            head = f'| separation: {name} from errors on {errors} | '
            lines.append(head + ' | '.join(cells) + ' |')
    return '\n'.join(lines) + '\n'


def _measured(figures: Figures, columns: Sequence[str]) -> list[str]:
    """Return the columns that some method has, be they undefined."""
    return [column for column in columns if any(column in values for values in figures.values())]


def _markdown_cell(value: Any, best: float | None) -> str:
    text = f'{100 * value:.1f}' if is_number(value) else '-'
    return f'**{text}**' if is_number(value) and value == best else text


def best_values(figures: Figures, columns: Sequence[str]) -> dict[str, float]:
    """Return the best value of each column that has one."""
    best = {}
    for column in columns:
        found = [values.get(column) for values in figures.values()]
        numbers = [float(value) for value in found if value is not None and is_number(value)]
        if numbers:
            best[column] = min(numbers) if column.endswith(_SMALLER_IS_BETTER) else max(numbers)
    return best


def is_number(value: Any) -> bool:
    """Tell a figure from one that is undefined."""
    return isinstance(value, int | float) and math.isfinite(value)


def percent(value: Any) -> str:
    """Return a figure in percent, or a dash."""
    return f'{100 * value:.2f}' if is_number(value) else '-'


def _cell(value: Any, best: float | None) -> str:
    return percent(value) + ('*' if is_number(value) and value == best else ' ')


def _latex_cell(value: Any, best: float | None) -> str:
    text = percent(value) if is_number(value) else '--'
    return rf'\textbf{{{text}}}' if is_number(value) and value == best else text


def _escape(text: str) -> str:
    return ''.join('\\' + char if char in '_%&#$' else char for char in text)
