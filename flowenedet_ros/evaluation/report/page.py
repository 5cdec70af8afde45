"""The page itself: every section from the figures of a finished evaluation."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from flowenedet_ros.evaluation.benchmark import PartResult
from flowenedet_ros.evaluation.engine import Engine
from flowenedet_ros.evaluation.report.charts import Chart, charts_of
from flowenedet_ros.evaluation.report.html_tables import (
    class_tables,
    figure_tables,
    separation_table,
)
from flowenedet_ros.evaluation.report.overlays import best_and_worst, view
from flowenedet_ros.evaluation.report.png import write_png
from flowenedet_ros.evaluation.report.published_tables import published_tables
from flowenedet_ros.evaluation.report.run_tables import condition_table, speed_tables
from flowenedet_ros.evaluation.report.style import CSS
from flowenedet_ros.evaluation.report.svg import svg
from flowenedet_ros.evaluation.results import write_json
from flowenedet_ros.evaluation.table import latex, markdown

_KINDS = {'idm': 'Misclassified pixels', 'ood': 'Unknown objects'}
_MANY = 8
_SECTIONS = (
    *('figures', 'separation', 'published', 'frames', 'curves', 'classes', 'speed'),
    'conditions',
)


def write_report(
    folder: Path,
    content: Mapping[str, Any],
    parts: Mapping[str, PartResult],
    engine: Engine,
    columns: Sequence[str],
) -> Path:
    """Write `index.html`, `results.json`, `table.tex`, `table.md`, and figures as SVG and PNG.

    :param content: of the JSON file.
    :param parts: results by set.
    :param columns: of the tables.
    :returns: the page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / 'results.json', content)
    (folder / 'table.tex').write_text(latex(content['methods'], columns, content['benchmark']))
    by_set = {name: (result.figures, result.details['images']) for name, result in parts.items()}
    (folder / 'table.md').write_text(markdown(content, by_set), encoding='utf-8')
    # Of dozens of corruptions the table says more than dozens of curves.
    shown = dict(parts) if len(parts) <= _MANY else {}
    body = [
        _section('figures', 'Figures', figure_tables(content, parts, columns)),
        _section('separation', 'Unknown objects against errors', separation_table(parts)),
        _section('published', 'Published figures beside ours', published_tables(content, parts)),
        _section('frames', 'Best and worst frames', _frames(engine, shown)),
        _section('curves', 'Curves', _curves(folder, shown)),
        _section('classes', 'Errors by class', class_tables(shown)),
        _section('speed', 'Speed', speed_tables(content)),
        _section('conditions', 'Data and model', condition_table(content)),
    ]
    page = folder / 'index.html'
    page.write_text(_page(content, ''.join(body)), encoding='utf-8')
    return page


def _page(content: Mapping[str, Any], body: str) -> str:
    title = f'{content["benchmark"]}: {content["model"]}'
    facts = f'{content["images"]} images, {content["pixels"]:,} pixels, {content["date"]}'
    links = ''.join(f'<a href="#{name}">{name}</a>' for name in _SECTIONS if f'id="{name}"' in body)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f'<title>{escape(title)}</title><style>{CSS}</style></head><body>'
        f'<header><h1>{escape(title)}</h1><p>{escape(facts)}</p>'
        f'<p><code>{escape(content["command"])}</code></p><nav>{links}</nav></header>'
        f'<main>{body}</main></body></html>\n'
    )


def _section(name: str, title: str, inner: str) -> str:
    return f'<section id="{name}"><h2>{title}</h2>{inner}</section>' if inner else ''


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
    found = [_legend(engine)] if parts else []
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


def _legend(engine: Engine) -> str:
    """Return what the colours of classes and of scores mean."""
    chips = ''.join(
        f'<span class="chip"><i style="background:rgb{tuple(info.color)}"></i>'
        f'{escape(info.name)}</span>'
        for info in engine.source.manifest.classes
    )
    scale = (
        '<span class="chip">score 0 <i class="scale"></i> 1</span>'
        '<span class="chip"><i style="background:#e6352b"></i>misclassified</span>'
        '<span class="chip"><i style="background:#00ffff"></i>unknown object, outlined</span>'
    )
    return f'<p class="chips">{chips}</p><p class="chips">{scale}</p>'
