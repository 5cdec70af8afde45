"""The class list of a checkpoint, from whatever it says of its classes."""

import colorsys
from collections.abc import Sequence

from flowenedet_ros.data.classes import CLASS_LISTS, ClassInfo
from flowenedet_ros.segmenters.errors import SegmenterError


def classes_of_count(count: int) -> tuple[ClassInfo, ...]:
    """Give the public class list of that many classes.

    :raises SegmenterError: where none has as many.
    """
    for classes in CLASS_LISTS.values():
        if len(classes) == count:
            return classes
    known = ', '.join(f'{name} has {len(classes)}' for name, classes in CLASS_LISTS.items())
    raise SegmenterError(
        f'the checkpoint has {count} classes and does not name them; give `classes` ({known})'
    )


def classes_named(
    names: Sequence[str], palette: Sequence[Sequence[int]] | None = None
) -> tuple[ClassInfo, ...]:
    """Give a class list of these names, with known or evenly spread colours.

    :param palette: (red, green, blue) of each class.
    """
    for classes in CLASS_LISTS.values():
        if [info.name for info in classes] == [name.lower() for name in names]:
            return classes
    colors = palette if palette and len(palette) == len(names) else _spread(len(names))
    return tuple(
        ClassInfo(name.lower(), (int(color[0]), int(color[1]), int(color[2])))
        for name, color in zip(names, colors, strict=True)
    )


def _spread(count: int) -> list[tuple[int, int, int]]:
    colors = []
    for index in range(count):
        # Steps of the golden ratio keep neighbours in the list far apart in hue.
        red, green, blue = colorsys.hsv_to_rgb(index * 0.618034 % 1, 0.75, 0.9)
        colors.append((round(255 * red), round(255 * green), round(255 * blue)))
    return colors
