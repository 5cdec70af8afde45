"""Read a nested mapping strictly: every key known, present and of its type."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from flowenedet_ros.inference.errors import BundleError


class Fields:
    """The keys of one mapping of a file, taken one by one.

    :param where: how the mapping is called in error messages, such as 'model.yaml: input'.
    """

    def __init__(self, mapping: Any, where: str) -> None:
        if not isinstance(mapping, Mapping):
            raise BundleError(f'{where} is {_shown(mapping)}: a mapping of names was expected')
        self._left = dict(mapping)
        self._where = where

    def raw(self, key: str) -> Any:
        """Take a value of any type."""
        if key not in self._left:
            raise BundleError(f'{self._where}: `{key}` is missing; export the model again')
        return self._left.pop(key)

    def fail(self, key: str, value: Any, expected: str) -> BundleError:
        """Say what a value should have been."""
        return BundleError(f'{self._where}: `{key}` is {_shown(value)}: {expected} was expected')

    def text(self, key: str, choices: Sequence[str] = ()) -> str:
        """Take a non-empty string, one of `choices` where given."""
        value = self.raw(key)
        if not isinstance(value, str) or not value or (choices and value not in choices):
            expected = 'one of ' + ', '.join(choices) if choices else 'text'
            raise self.fail(key, value, expected)
        return value

    def integer(self, key: str, low: int = 0, high: int = 2**31) -> int:
        """Take an integer in [low, high]."""
        value = self.raw(key)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.fail(key, value, f'an integer from {low} to {high}')
        return value

    def number(self, key: str, low: float = -math.inf, high: float = math.inf) -> float:
        """Take a finite number in [low, high]."""
        value = self.raw(key)
        if not _is_number(value) or not low <= value <= high:
            raise self.fail(key, value, f'a number{_bounds(low, high)}')
        return float(value)

    def triple(self, key: str, low: float, high: float) -> tuple[float, float, float]:
        """Take three finite numbers in [low, high]."""
        value = self.raw(key)
        good = isinstance(value, list) and len(value) == 3 and all(map(_is_number, value))
        if not good or not all(low <= item <= high for item in value):
            raise self.fail(key, value, f'a list of three numbers{_bounds(low, high)}')
        return float(value[0]), float(value[1]), float(value[2])

    def mapping(self, key: str) -> dict[str, Any]:
        """Take a mapping whose keys are text and whose values are free."""
        value = self.raw(key)
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            raise self.fail(key, value, 'a mapping of names')
        return dict(value)

    def inner(self, key: str) -> 'Fields':
        """Take a mapping with fields of its own."""
        return Fields(self.raw(key), f'{self._where}: {key}')

    def items(self, key: str) -> list['Fields']:
        """Take a non-empty list of mappings with fields of their own."""
        value = self.raw(key)
        if not isinstance(value, list) or not value:
            raise self.fail(key, value, 'a list')
        return [Fields(item, f'{self._where}: {key}[{i}]') for i, item in enumerate(value)]

    def end(self) -> None:
        """Refuse keys that nobody took."""
        if self._left:
            names = ', '.join(f'`{name}`' for name in self._left)
            raise BundleError(f'{self._where}: {names} unknown here; misspelt, or a newer format?')


def _is_number(value: Any) -> bool:
    is_real = isinstance(value, int | float) and not isinstance(value, bool)
    return is_real and math.isfinite(value)


def _bounds(low: float, high: float) -> str:
    if math.isinf(low) and math.isinf(high):
        return ''
    return f' of at least {low:g}' if math.isinf(high) else f' from {low:g} to {high:g}'


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + '...'
