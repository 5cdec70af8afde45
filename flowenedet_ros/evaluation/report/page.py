"""The page itself: every section from the figures of a finished evaluation."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from flowenedet_ros.evaluation.benchmark import PartResult
from flowenedet_ros.evaluation.engine import Engine
from flowenedet_ros.evaluation.methods import PRODUCT
from flowenedet_ros.evaluation.report.charts import Chart, charts_of
from flowenedet_ros.evaluation.report.overlays import best_and_worst, view
from flowenedet_ros.evaluation.report.png import write_png
from flowenedet_ros.evaluation.report.published import TABLES, PublishedTable
from flowenedet_ros.evaluation.report.style import CSS
from flowenedet_ros.evaluation.report.svg import svg
from flowenedet_ros.evaluation.results import write_json
from flowenedet_ros.evaluation.table import HEADINGS, best_values, is_number, latex, percent

_KINDS = {'idm': 'Misclassified pixels', 'ood': 'Unknown objects'}
_MANY = 8


def write_report(
    folder: Path,
    content: Mapping[str, Any],
    parts: Mapping[str, PartResult],
    engine: Engine,
    columns: Sequence[str],
) -> Path:
    """Write `index.html`, `results.json`, `table.tex` and the figures as SVG and PNG.

    :param content: of the JSON file.
    :param parts: results by set.
    :param columns: of the tables.
    :returns: the page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / 'results.json', content)
    (folder / 'table.tex').write_text(latex(content['methods'], columns, content['benchmark']))
    # Of dozens of corruptions the table says more than dozens of curves.
    shown = dict(parts) if len(parts) <= _MANY else {}
    body = [
        _section('figures', 'Figures', _tables(content, parts, columns)),
        _section('published', 'Published figures', _published(content['benchmark'])),
        _section('curves', 'Curves', _curves(folder, shown)),
        _section('frames', 'Best and worst frames', _frames(engine, shown)),
        _section('classes', 'Errors by class', _classes(content, parts)),
        _section('speed', 'Speed', _speed(content)),
        _section('conditions', 'Data and model', _conditions(content)),
    ]
    page = folder / 'index.html'
    page.write_text(_page(content, ''.join(body)), encoding='utf-8')
    return page


def _page(content: Mapping[str, Any], body: str) -> str:
    title = f'{content["benchmark"]}: {content["model"]}'
    facts = f'{content["images"]} images, {content["pixels"]:,} pixels, {content["date"]}'
    links = ''.join(
        f'<a href="#{name}">{name}</a>'
        for name in ('figures', 'published', 'curves', 'frames', 'classes', 'speed', 'conditions')
        if f'id="{name}"' in body
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f'<title>{escape(title)}</title><style>{CSS}</style></head><body>'
        f'<header><h1>{escape(title)}</h1><p>{escape(facts)}</p><nav>{links}</nav></header>'
        f'<main>{body}</main></body></html>\n'
    )


def _section(name: str, title: str, inner: str) -> str:
    return f'<section id="{name}"><h2>{title}</h2>{inner}</section>' if inner else ''


def _tables(
    content: Mapping[str, Any], parts: Mapping[str, PartResult], columns: Sequence[str]
) -> str:
    note = (
        '<p class="note">Percent; the best of each column is bold. All rows come from one run of '
        'one frozen segmenter. FPR95 is the false-positive rate at the first threshold that finds '
        '95 % of the positives; AP is the step sum of precision over recall.</p>'
    )
    found = [note]
    if len(parts) > 1:
        found.append(f'<h3>All sets</h3>{_figure_table(content["methods"], columns)}')
    for name, result in parts.items():
        facts = f'{result.details["images"]} images, {result.details["pixels"]:,} pixels'
        table = _figure_table(result.figures, columns)
        found.append(f'<h3>{escape(name)}</h3><p class="note">{facts}</p>{table}')
    return ''.join(found)


def _figure_table(figures: Mapping[str, Mapping[str, Any]], columns: Sequence[str]) -> str:
    best = best_values(figures, columns)
    rows = []
    for name, values in figures.items():
        cells = [f'<td>{escape(name)}</td>']
        for column in columns:
            value = values.get(column)
            mark = ' class="best"' if is_number(value) and value == best.get(column) else ''
            cells.append(f'<td{mark}>{percent(value)}</td>')
        own = ' class="own"' if name == PRODUCT else ''
        rows.append(f'<tr{own}>{"".join(cells)}</tr>')
    return _table(['method', *(HEADINGS.get(c, c.replace('_', ' ')) for c in columns)], rows)


def _table(headings: Iterable[str], rows: Iterable[str]) -> str:
    head = ''.join(f'<th>{escape(heading)}</th>' for heading in headings)
    return (
        f'<div class="card"><table><thead><tr>{head}</tr></thead>'
        f'<tbody>{"".join(rows)}</tbody></table></div>'
    )


def _rows(rows: Iterable[Sequence[Any]]) -> list[str]:
    return [
        '<tr>' + ''.join(f'<td>{escape(str(cell))}</td>' for cell in row) + '</tr>' for row in rows
    ]


def _published(benchmark: str) -> str:
    tables: tuple[PublishedTable, ...] = TABLES.get(benchmark, ())
    found = []
    for table in tables:
        rows = _rows([_published_cell(cell, table.decimals) for cell in row] for row in table.rows)
        found.append(
            f'<h3>{escape(table.title)}</h3>{_table(["method", *table.columns], rows)}'
            f'<p class="note">{escape(table.source)}</p>'
        )
    if not found:
        return ''
    return (
        '<p class="note">Percent, as published. Other segmenters, other images where the sets are '
        'hidden: they say where the field is, and only the rows above compare detectors.</p>'
        + ''.join(found)
    )


def _published_cell(cell: str | float | None, decimals: int) -> str:
    if cell is None:
        return '-'
    return cell if isinstance(cell, str) else f'{cell:.{decimals}f}'


def _curves(folder: Path, parts: Mapping[str, PartResult]) -> str:
    found = []
    for name, result in parts.items():
        for kind, curves in result.curves.items():
            if not curves:
                continue
            charts = charts_of(kind, curves)
            _write_figures(folder / 'figures', f'{name} {kind}', charts)
            figures = ''.join(f'<figure>{svg(chart)}</figure>' for chart in charts.values())
            title = f'{escape(name)}: {_KINDS[kind].lower()}'
            found.append(f'<h3>{title}</h3><div class="charts">{figures}</div>')
    return ''.join(found)


def _write_figures(folder: Path, prefix: str, charts: Mapping[str, Chart]) -> None:
    folder.mkdir(exist_ok=True)
    stem = ''.join(char if char.isalnum() else '-' for char in prefix)
    for name, chart in charts.items():
        (folder / f'{stem}-{name}.svg').write_text(svg(chart), encoding='utf-8')
        write_png(folder / f'{stem}-{name}.png', chart)


def _frames(engine: Engine, parts: Mapping[str, PartResult]) -> str:
    found = []
    for part, result in parts.items():
        kind = 'ood' if not result.curves.get('idm') else 'idm'
        views = [view(engine, result, name, how, kind) for name, how in best_and_worst(result)]
        drawn = [item for item in views if item is not None]
        if drawn:
            found.append(f'<h3>{escape(part)}</h3>')
        for item in drawn:
            panels = ''.join(
                f'<figure><img src="{address}" alt="{escape(text)} of {escape(item.name)}">'
                f'<figcaption>{escape(text)}</figcaption></figure>'
                for text, address in item.panels
            )
            found.append(
                f'<div class="frame"><p>{escape(item.name)} <span class="note">'
                f'({escape(item.figure)})</span></p><div class="panels">{panels}</div></div>'
            )
    return ''.join(found)


def _classes(content: Mapping[str, Any], parts: Mapping[str, PartResult]) -> str:
    found = []
    for name, result in parts.items():
        classes = result.details.get('classes')
        if classes and len(parts) <= _MANY:
            rows = _rows(
                (label, percent(values['iou']), percent(values['error_rate']))
                for label, values in classes.items()
            )
            facts = (
                f'mIoU {percent(result.details["miou"])} %, '
                f'{percent(result.details["accuracy"])} % of pixels right'
            )
            table = _table(['class', 'IoU', 'error rate'], rows)
            found.append(f'<h3>{escape(name)}</h3><p class="note">{facts}</p>{table}')
    return ''.join(found)


def _speed(content: Mapping[str, Any]) -> str:
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
    table = _table(['stage', 'milliseconds an image'], rows)
    return f'<p class="note">{escape(where)}</p>{table}'


def _conditions(content: Mapping[str, Any]) -> str:
    keys = ('data', 'resolution', 'post', 'model', 'segmenter', 'model_sha256', 'command')
    rows = [(key.replace('_', ' '), content[key]) for key in keys if key in content]
    rows += [(f'training {key}', value) for key, value in content['training'].items()]
    rows += [(f'version of {key}', value) for key, value in content['versions'].items()]
    rows += [(f'{name}: not evaluated', why) for name, why in content['missing_methods'].items()]
    rows += [(f'{name}: left out', why) for name, why in content['failed_images'].items()]
    rows.append(('pixels with logits that are no numbers', content['nonfinite_pixels']))
    cells = ''.join(
        f'<tr><td>{escape(str(key))}</td><td style="text-align:left"><code>{escape(str(value))}'
        '</code></td></tr>'
        for key, value in rows
    )
    return f'<div class="card"><table><tbody>{cells}</tbody></table></div>'
