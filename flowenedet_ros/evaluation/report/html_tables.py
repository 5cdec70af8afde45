"""Tables of the page."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from flowenedet_ros.evaluation.benchmark import PartResult
from flowenedet_ros.evaluation.methods import PRODUCT
from flowenedet_ros.evaluation.report.published import SET_NAMES, TABLES, PublishedTable
from flowenedet_ros.evaluation.table import HEADINGS, best_values, is_number, percent

Figures = Mapping[str, Mapping[str, Any]]
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
        cards.append(_titled(title, facts, _figures(content['methods'], columns)))
    for name, result in parts.items():
        facts = f'{result.details["images"]} images, {result.details["pixels"]:,} pixels'
        cards.append(_titled(name, facts, _figures(result.figures, columns)))
        cards += _per_image(name, result)
    return f'{note}<div class="tables">{"".join(cards)}</div>'


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
    return [_titled(f'{name}, by image', facts, _figures(flat, columns))]


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
        cards.append(_titled(name, 'against errors on', _figures(by_set, errors)))
    note = (
        '<p class="note">AUROC in percent of the unknown-object score: pixels of unknown objects '
        'against misclassified pixels of known classes. 50 is chance; below it, a method takes '
        'ordinary errors for unknown objects.</p>'
    )
    return f'{note}<div class="tables">{"".join(cards)}</div>'


def published_tables(content: Mapping[str, Any], parts: Mapping[str, PartResult]) -> str:
    """Return published figures with those of this run beneath."""
    tables: tuple[PublishedTable, ...] = TABLES.get(content['benchmark'], ())
    found = []
    for table in tables:
        rows = _rows([_published_cell(cell, table.decimals) for cell in row] for row in table.rows)
        ours, data = _own_rows(content, parts, table)
        found.append(
            f'<h3>{escape(table.title)}</h3>'
            f'{_card(_table(["method", *table.columns], [*rows, *ours]))}'
            f'<p class="note">{escape(table.source)}{escape(data)}</p>'
        )
    if not found:
        return ''
    return (
        '<p class="note">Percent, as published. Other segmenters, other images where the sets are '
        'hidden: they say where the field is, and only rows of one run compare detectors.</p>'
        + ''.join(found)
    )


def _own_rows(
    content: Mapping[str, Any], parts: Mapping[str, PartResult], table: PublishedTable
) -> tuple[list[str], str]:
    """Return this run's rows of a published table, and on what they were measured."""
    sources: list[tuple[Figures, str] | None] = []
    data = []
    for column in table.columns:
        if column == 'open-mIoU':
            sources.append((content['methods'], 'open_miou'))
            continue
        prefix, _, figure = column.rpartition(' ')
        name = next((name for name in SET_NAMES.get(prefix, ()) if name in parts), None)
        sources.append(None if name is None else (parts[name].figures, figure.lower()))
        if name is not None:
            data.append(f'{prefix}: {parts[name].details["images"]} public images of {name}')
    if not any(sources):
        return [], ''
    rows = []
    for method in content['methods']:
        cells = [
            '-' if source is None else percent(source[0].get(method, {}).get(source[1]))
            for source in sources
        ]
        own = ' class="own"' if method == PRODUCT else ' class="ours"'
        body = ''.join(f'<td>{cell}</td>' for cell in cells)
        rows.append(f'<tr{own}><td>{escape(method)}, this run</td>{body}</tr>')
    return rows, ''.join(f'; {item}' for item in dict.fromkeys(data))


def _published_cell(cell: str | float | None, decimals: int) -> str:
    if cell is None:
        return '-'
    return cell if isinstance(cell, str) else f'{cell:.{decimals}f}'


def class_tables(parts: Mapping[str, PartResult]) -> str:
    """Return IoU and error rate of each class on each set with class labels."""
    cards = []
    for name, result in parts.items():
        classes = result.details.get('classes')
        if classes:
            rows = _rows(
                (label, percent(values['iou']), percent(values['error_rate']))
                for label, values in classes.items()
            )
            facts = (
                f'mIoU {percent(result.details["miou"])} %, '
                f'{percent(result.details["accuracy"])} % of pixels right'
            )
            cards.append(_titled(name, facts, _table(['class', 'IoU, %', 'error rate, %'], rows)))
    return f'<div class="tables">{"".join(cards)}</div>' if cards else ''


def speed_tables(content: Mapping[str, Any]) -> str:
    """Return the time of each stage, and of everything beside the segmenter alone."""
    names = {
        'read': 'waiting for the picture',
        'graph': 'segmenter and own detector',
        'methods': 'all other methods',
        'metrics': 'metrics',
    }
    rows = _rows(
        (names.get(stage, stage), f'{1e3 * seconds:.1f}')
        for stage, seconds in content['seconds_per_image'].items()
    )
    where = f'{content["backend"]} on {content["machine"]}, each process for itself'
    stages = _titled('Stages', where, _table(['stage', 'ms an image'], rows))
    cost = content.get('cost')
    if not cost:
        return f'<div class="tables">{stages}</div>'
    rows = _rows(
        [
            ('segmenter alone', f'{cost["alone_ms"]:.0f}', f'{cost["alone_cpu_ms"]:.0f}'),
            (
                f'evaluation, {len(cost["methods"])} methods',
                f'{cost["all_ms"]:.0f}',
                f'{cost["all_cpu_ms"]:.0f}',
            ),
            ('ratio', f'{cost["ratio"]:.2f}', f'{cost["cpu_ratio"]:.2f}'),
        ]
    )
    facts = (
        f'{cost["images"]} pictures of {cost["set"]}, both in turn in {cost["rounds"]} rounds, '
        f'medians; at most {cost["peak_mb"]:.0f} MiB held'
    )
    beside = _titled(
        'Beside the segmenter alone', facts, _table(['', 'ms an image', 'CPU ms an image'], rows)
    )
    return f'<div class="tables">{stages}{beside}</div>'


def condition_table(content: Mapping[str, Any]) -> str:
    """Return exactly what was evaluated, with what."""
    keys = ('data', 'resolution', 'post', 'model', 'segmenter', 'model_sha256', 'command', 'date')
    rows = [(key.replace('_', ' '), content[key]) for key in keys if key in content]
    rows += [(f'training {key}', value) for key, value in content['training'].items()]
    rows += [(f'version of {key}', value) for key, value in content['versions'].items()]
    rows += [(f'{name}: not evaluated', why) for name, why in content['missing_methods'].items()]
    rows += [(f'{name}: left out', why) for name, why in content['failed_images'].items()]
    rows.append(('pixels with logits that are no numbers', content['nonfinite_pixels']))
    cells = ''.join(
        f'<tr><td>{escape(str(key))}</td><td class="text"><code>{escape(str(value))}'
        '</code></td></tr>'
        for key, value in rows
    )
    return _card(f'<table><tbody>{cells}</tbody></table>')


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
    return _table(['method', *(HEADINGS.get(c, c.replace('_', ' ')) for c in shown)], rows)


def _titled(title: str, facts: str, table: str) -> str:
    return _card(f'<h3>{escape(title)}</h3><p class="note">{escape(facts)}</p>{table}')


def _card(inner: str) -> str:
    return f'<div class="card">{inner}</div>'


def _table(headings: Iterable[str], rows: Iterable[str]) -> str:
    head = ''.join(f'<th>{escape(heading)}</th>' for heading in headings)
    return f'<table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _rows(rows: Iterable[Sequence[Any]]) -> list[str]:
    return [
        '<tr>' + ''.join(f'<td>{escape(str(cell))}</td>' for cell in row) + '</tr>' for row in rows
    ]
