"""The small YAML file that describes a segmenter made elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from flowenedet_ros.data.classes import ClassInfo
from flowenedet_ros.segmenters.errors import SegmenterError

Triple = tuple[float, float, float]
MAX_CLASSES = 250
"""Ids above are kept for unlabelled pixels and for the planner's own classes."""


@dataclass(frozen=True)
class Outputs:
    """Where the network's maps are: names of ONNX outputs, or places in a TorchScript tuple."""

    logits: str | int = 0
    embedding: str | int | None = None
    deep: str | int | None = None


@dataclass(frozen=True)
class Description:
    """What the YAML file says.

    :param file: the ONNX or TorchScript file.
    :param channel_order: `rgb` or `bgr`, the order the network was trained with.
    :param mean: on the 0-255 scale, in the order of `channel_order`; so is `std`.
    :param extra_outputs: trailing logit channels that are no class of this list, such as
        background; they are dropped.
    """

    name: str
    file: Path
    classes: tuple[ClassInfo, ...]
    input_size: tuple[int, int]
    channel_order: str
    mean: Triple
    std: Triple
    logit_stride: int
    outputs: Outputs
    extra_outputs: int


class _Reader:
    """Take typed values out of nested YAML; every complaint names the file and the key."""

    def __init__(self, path: Path, content: object, prefix: str = '') -> None:
        self.path, self.prefix = path, prefix
        if not isinstance(content, Mapping):
            raise self.error('', 'a mapping of keys to values', content)
        self.content: Mapping[str, Any] = content
        self.used: set[str] = set()

    def error(self, key: str, expected: str, found: object) -> SegmenterError:
        where = f'{self.prefix}{key}'.strip('.')
        what = f'`{where}` must be {expected}' if where else f'it must hold {expected}'
        return SegmenterError(f'{self.path}: {what}, found {found!r}')

    def value(self, key: str, expected: str, default: object = None) -> Any:
        self.used.add(key)
        found = self.content.get(key, default)
        if found is None:
            raise self.error(key, expected, 'nothing')
        return found

    def whole(self, key: str, minimum: int, default: int | None = None) -> int:
        expected = f'a whole number from {minimum} up'
        found = self.value(key, expected, default)
        if not isinstance(found, int) or isinstance(found, bool) or found < minimum:
            raise self.error(key, expected, found)
        return found

    def text(self, key: str, default: str | None = None) -> str:
        found = self.value(key, 'text', default)
        if not isinstance(found, str):
            raise self.error(key, 'text', found)
        return found

    def triple(self, key: str, *, positive: bool = False) -> Triple:
        expected = f'three {"positive " if positive else ""}numbers on the 0-255 scale'
        found = self.value(key, expected)
        if (
            not isinstance(found, list)
            or len(found) != 3
            or not all(isinstance(v, int | float) and (v > 0 or not positive) for v in found)
        ):
            raise self.error(key, expected, found)
        return float(found[0]), float(found[1]), float(found[2])

    def section(self, key: str, default: object = None) -> '_Reader':
        found = self.value(key, 'a mapping', default)
        return _Reader(self.path, found, f'{self.prefix}{key}.')

    def done(self) -> None:
        unknown = sorted(set(map(str, self.content)) - self.used)
        if unknown:
            known = ', '.join(sorted(self.used))
            raise SegmenterError(
                f'{self.path}: unknown key `{self.prefix}{unknown[0]}`; known are {known}'
            )


def _classes(reader: _Reader) -> tuple[ClassInfo, ...]:
    expected = f'a list of 2 to {MAX_CLASSES} classes, each {{name: road, color: [128, 64, 128]}}'
    found = reader.value('classes', expected)
    if not isinstance(found, list) or not 2 <= len(found) <= MAX_CLASSES:
        raise reader.error('classes', expected, found)
    classes = []
    for item in found:
        color = item.get('color') if isinstance(item, Mapping) else None
        if (
            not isinstance(color, list)
            or not isinstance(item.get('name'), str)
            or len(color) != 3
            or not all(isinstance(v, int) and 0 <= v <= 255 for v in color)
        ):
            raise reader.error('classes', expected, item)
        classes.append(ClassInfo(item['name'], (color[0], color[1], color[2])))
    return tuple(classes)


def _outputs(reader: _Reader) -> Outputs:
    places: dict[str, str | int] = {}
    for key in ('logits', 'embedding', 'deep'):
        reader.used.add(key)
        found = reader.content.get(key)
        if found is None:
            continue
        if not isinstance(found, str | int) or isinstance(found, bool):
            raise reader.error(key, 'the name or the place of an output', found)
        places[key] = found
    reader.done()
    return Outputs(**places)


def read_description(path: Path) -> Description:
    """Read the description of a segmenter made elsewhere.

    :raises SegmenterError: naming the key that is missing, unknown or wrong.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SegmenterError(f'cannot read the segmenter description {path}: {error}') from error
    reader = _Reader(path, content)
    picture = reader.section('input')
    order = picture.text('channel_order', 'rgb')
    if order not in ('rgb', 'bgr'):
        raise picture.error('channel_order', '`rgb` or `bgr`', order)
    description = Description(
        name=reader.text('name', path.stem),
        file=path.parent / reader.text('file'),
        classes=_classes(reader),
        input_size=(picture.whole('height', 16), picture.whole('width', 16)),
        channel_order=order,
        mean=picture.triple('mean'),
        std=picture.triple('std', positive=True),
        logit_stride=reader.whole('logit_stride', 1),
        outputs=_outputs(reader.section('outputs', {})),
        extra_outputs=reader.whole('extra_outputs', 0, 0),
    )
    picture.done()
    reader.done()
    return description
