"""Tables of what was measured: of each set, of unknown objects against errors, and by class."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from flowenedet_ros.evaluation.benchmark import PartResult
from flowenedet_ros.evaluation.methods import PRODUCT
from flowenedet_ros.evaluation.report.markup import html_rows, html_table, side_by_side, titled
from flowenedet_ros.evaluation.table import HEADINGS, Figures, best_values, is_number, percent

_SUMMARIES = {'road-data': 'Mean over the sets of unknown objects', 'cityscapes': 'In all'}


def figure_tables(
    content: Mapping[str, Any], parts: Mapping[str, PartResult], columns: Sequence[str]
) -> str:
    """Return the figures of the whole and of each set."""
    note = (
        '<p class="note">Percent; the best of each column is bold. All rows come from one run of '
        'one frozen segmenter. FPR95 is the false-positive rate at the first threshold that finds '
        '95 % of the positives; AP is the step sum of precision over recall.</p>'
    )
    cards = []
    if len(parts) > 1:
        title = _SUMMARIES.get(content['benchmark'], 'Mean over all sets')
        facts = 'every set counts alike'
        cards.append(titled(title, facts, _figures(content['methods'], columns)))
    for name, result in parts.items():
        facts = f'{result.details["images"]} images, {result.details["pixels"]:,} pixels'
        cards.append(titled(name, facts, _figures(result.figures, columns)))
        cards += _per_image(name, result)
    return note + side_by_side(*cards)


def _per_image(name: str, result: PartResult) -> list[str]:
    """Return the means over images of figures that were computed in each."""
    flat = {
        method: {
            f'{kind}_{key}': value
            for kind, own in values.items()
            if isinstance(own, Mapping) and 'per_image' in own
            for key, value in own['per_image'].items()
        }
        for method, values in result.figures.items()
    }
    columns = list(next(iter(flat.values()), {}))
    if not columns:
        return []
    facts = 'each image by itself, then the mean over the images that have both kinds of pixels'
    return [titled(f'{name}, by image', facts, _figures(flat, columns))]


def separation_table(parts: Mapping[str, PartResult]) -> str:
    """Return how well unknown pixels are told from errors, by set of each."""
    sets = {
        name: result.figures
        for name, result in parts.items()
        if any('separation_by_set' in values for values in result.figures.values())
    }
    if not sets:
        return ''
    cards = []
    for name, figures in sets.items():
        by_set = {method: values['separation_by_set'] for method, values in figures.items()}
        errors = list(next(iter(by_set.values())))
        cards.append(titled(name, 'against errors on', _figures(by_set, errors)))
    note = (
        '<p class="note">AUROC in percent of the unknown-object score: pixels of unknown objects '
        'against misclassified pixels of known classes. 50 is chance; below it, a method takes '
        'ordinary errors for unknown objects.</p>'
    )
    return note + side_by_side(*cards)


def class_tables(parts: Mapping[str, PartResult]) -> str:
    """Return IoU and error rate of each class on each set with class labels."""
    cards = []
    for name, result in parts.items():
        classes = result.details.get('classes')
        if classes:
            rows = html_rows(
                (label, percent(values['iou']), percent(values['error_rate']))
                for label, values in classes.items()
            )
            facts = (
                f'mIoU {percent(result.details["miou"])} %, '
                f'{percent(result.details["accuracy"])} % of pixels right'
            )
            cards.append(
                titled(name, facts, html_table(['class', 'IoU, %', 'error rate, %'], rows))
            )
    return side_by_side(*cards) if cards else ''


def _figures(figures: Figures, columns: Sequence[str]) -> str:
    """Return a table of figures without the columns that nothing has."""
    best = best_values(figures, columns)
    shown = [column for column in columns if column in best]
    rows = []
    for name, values in figures.items():
        cells = [f'<td>{escape(name)}</td>']
        for column in shown:
            value = values.get(column)
            mark = ' class="best"' if is_number(value) and value == best.get(column) else ''
            cells.append(f'<td{mark}>{percent(value)}</td>')
        own = ' class="own"' if name == PRODUCT else ''
        rows.append(f'<tr{own}>{"".join(cells)}</tr>')
    return html_table(['method', *(HEADINGS.get(c, c.replace('_', ' ')) for c in shown)], rows)
