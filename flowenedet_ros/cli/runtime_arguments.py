"""Options of the subcommands that load a model into a runtime."""

import argparse
import re
from collections.abc import Sequence

from flowenedet_ros.cli.arguments import camera_size
from flowenedet_ros.cli.errors import CommandError


def camera_sizes(text: str) -> list[tuple[int, int]]:
    """Read several with commas between, or none.

    :raises CommandError: where one is of another form.
    """
    return [camera_size(part) for part in text.split(',') if part]


def numbers(text: str, option: str) -> list[int]:
    """Read positive whole numbers with commas between.

    :raises CommandError: where the text is of another form.
    """
    if not re.fullmatch(r'[1-9]\d*(,[1-9]\d*)*', text):
        raise CommandError(f'{option} {text!r}: give whole numbers, such as 1,2,4,8')
    return [int(part) for part in text.split(',')]


def add_choice(
    parser: argparse.ArgumentParser, backends: Sequence[str], precisions: Sequence[str]
) -> None:
    """Declare `--backend` and `--precision`, each one name or auto."""
    parser.add_argument('--backend', default='auto', choices=('auto', *backends))
    parser.add_argument('--precision', default='auto', choices=('auto', *precisions))
