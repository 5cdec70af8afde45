"""The parameters as a Markdown table: `python -m flowenedet_ros.node.parameter_table README.md`."""

import sys
from pathlib import Path

from flowenedet_ros.node.parameter_specs import SPECS, Spec

BEGIN, END = '<!-- parameters: begin -->', '<!-- parameters: end -->'


def markdown_table() -> str:
    """Give one row per parameter, from the declarations."""
    rows = ['| parameter | default | range | live | meaning |', '|---|---|---|---|---|']
    for spec in SPECS:
        live = 'yes' if spec.live else ''
        rows.append(
            f'| `{spec.name}` | `{_literal(spec.default)}` | {_range(spec)} | {live} '
            f'| {spec.description} |'
        )
    return '\n'.join(rows)


def insert_table(text: str) -> str:
    """
    Put the table between the two marks of a document.

    :raises ValueError: the document has no such marks.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f'expected the lines {BEGIN} and {END}')
    return f'{before}{BEGIN}\n{markdown_table()}\n{END}{after}'


def _literal(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value) or "''"


def _range(spec: Spec) -> str:
    if spec.choices:
        return ', '.join(spec.choices)
    if spec.minimum is None or spec.maximum is None:
        return ''
    if isinstance(spec.default, int):
        return f'{spec.minimum} to {spec.maximum}'
    return f'{spec.minimum:g} to {spec.maximum:g}'


if __name__ == '__main__':
    document = Path(sys.argv[1])
    document.write_text(insert_table(document.read_text(encoding='utf-8')), encoding='utf-8')
