"""How a run went: its speed, and exactly what was evaluated, with what."""

from collections.abc import Mapping
from html import escape
from typing import Any

from flowenedet_ros.evaluation.graph_runs import LANES
from flowenedet_ros.evaluation.report.markup import (
    card,
    html_rows,
    html_table,
    side_by_side,
    titled,
)


def speed_tables(content: Mapping[str, Any]) -> str:
    """Return the time of each stage, and of everything beside the segmenter alone."""
    names = {
        'read': 'reading the picture',
        'graph': 'segmenter and own detector',
        'methods': 'all other methods',
        'metrics': 'metrics',
    }
    rows = html_rows(
        (names.get(stage, stage), f'{1e3 * seconds:.1f}')
        for stage, seconds in content['seconds_per_image'].items()
    )
    lanes = f'{LANES} pictures under way in each process'
    where = f'{content["backend"]} on {content["machine"]}, {lanes}'
    stages = titled('Stages', where, html_table(['stage', 'ms an image'], rows))
    cost = content.get('cost')
    if not cost:
        return side_by_side(stages)
    rows = html_rows(
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
    beside = titled(
        'Beside the segmenter alone',
        facts,
        html_table(['', 'ms an image', 'CPU ms an image'], rows),
    )
    return side_by_side(stages, beside)


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
    return card(f'<table><tbody>{cells}</tbody></table>')
