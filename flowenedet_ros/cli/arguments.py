"""Argument forms that several subcommands share."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from flowenedet_ros.cli.errors import CommandError

if TYPE_CHECKING:
    from flowenedet_ros.data.folder import LabelledFolder
    from flowenedet_ros.training.material import FolderChoice

Value = TypeVar('Value')


def image_size(text: str) -> tuple[int, int]:
    """Read `HxW` of a network's input in pixels, both multiples of 32.

    :raises CommandError: where the text is of another form.
    """
    return _size(text, 32, ' in multiples of 32, such as 384x512')


def camera_size(text: str) -> tuple[int, int]:
    """Read `HxW` of a camera image in pixels, any but 0.

    :raises CommandError: where the text is of another form.
    """
    return _size(text, 1, ', such as 720x1280')


def _size(text: str, multiple: int, form: str) -> tuple[int, int]:
    match = re.fullmatch(r'(\d+)x(\d+)', text)
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if not all(side and side % multiple == 0 for side in size):
        raise CommandError(f'{text!r} is no image size: give HEIGHTxWIDTH{form}')
    return size


def number_pair(text: str) -> tuple[float, float]:
    """Read `MIN,MAX`, two positive numbers in order.

    :raises CommandError: where the text is of another form.
    """
    try:
        low, high = (float(part) for part in text.split(','))
    except ValueError:
        low, high = 0.0, 0.0
    if not 0 < low <= high < float('inf'):
        raise CommandError(f'{text!r}: expected two positive numbers in order, such as 0.6,1.9')
    return low, high


def labelled_folder(text: str) -> 'LabelledFolder':
    """Open `DIR` or `DIR:LABEL_MAP`.

    :raises DataError: where the folder or the map is not there.
    """
    from flowenedet_ros.data.folder import LabelledFolder

    folder, _, label_map = text.partition(':')
    return LabelledFolder(folder, label_map or None)


def folder_choice(text: str, count: str) -> 'FolderChoice':
    """Read `DIR[:LABEL_MAP[:NUMBER]]`.

    :param count: field of the choice that the number is for.
    :raises CommandError: where the text is of another form.
    """
    from flowenedet_ros.training.material import FolderChoice

    folder, label_map, number = [*text.split(':'), '', ''][:3]
    if text.count(':') > 2 or not (number or '1').isdigit() or number == '0':
        raise CommandError(f'{text!r}: expected DIR, DIR:LABEL_MAP or DIR:LABEL_MAP:NUMBER')
    return FolderChoice(Path(folder), label_map or None, **{count: int(number or 1)})


def choice(table: Mapping[str, Value], name: str, option: str) -> Value:
    """Look a name up.

    :raises CommandError: listing the names there are.
    """
    if name not in table:
        raise CommandError(f'{option} {name!r} is unknown; there are: {", ".join(sorted(table))}')
    return table[name]
