"""Published figures with those of this run beneath."""

from collections.abc import Mapping
from html import escape
from typing import Any

from flowenedet_ros.evaluation.benchmark import PartResult
from flowenedet_ros.evaluation.methods import PRODUCT
from flowenedet_ros.evaluation.report.markup import card, html_rows, html_table
from flowenedet_ros.evaluation.report.published import SET_NAMES, TABLES, PublishedTable
from flowenedet_ros.evaluation.table import Figures, percent


def published_tables(content: Mapping[str, Any], parts: Mapping[str, PartResult]) -> str:
    """Return published figures with those of this run beneath."""
    tables: tuple[PublishedTable, ...] = TABLES.get(content['benchmark'], ())
    found = []
    for table in tables:
        rows = html_rows(
            [_published_cell(cell, table.decimals) for cell in row] for row in table.rows
        )
        ours, data = _own_rows(content, parts, table)
        found.append(
            f'<h3>{escape(table.title)}</h3>'
            f'{card(html_table(["method", *table.columns], [*rows, *ours]))}'
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
