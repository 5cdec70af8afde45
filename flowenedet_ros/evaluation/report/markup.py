"""Pieces of HTML that every table of the page is made of."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any


def titled(title: str, facts: str, table: str) -> str:
    """Return a card with a heading and a line of facts over a table."""
    return card(f'<h3>{escape(title)}</h3><p class="note">{escape(facts)}</p>{table}')


def card(inner: str) -> str:
    """Return a frame around a part of the page."""
    return f'<div class="card">{inner}</div>'


def side_by_side(*cards: str) -> str:
    """Return cards in as many columns as the window has room for."""
    return f'<div class="tables">{"".join(cards)}</div>'


def html_table(headings: Iterable[str], rows: Iterable[str]) -> str:
    """Return a table of rows from `html_rows`."""
    head = ''.join(f'<th>{escape(heading)}</th>' for heading in headings)
    return f'<table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def html_rows(rows: Iterable[Sequence[Any]]) -> list[str]:
    """Return table rows; the text of each cell is escaped."""
    return [
        '<tr>' + ''.join(f'<td>{escape(str(cell))}</td>' for cell in row) + '</tr>' for row in rows
    ]
