"""What an evaluation has counted so far: it merges in any order and fits in a file."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar


class Mergeable(Protocol):
    """Sums that add up without rounding."""

    def merge(self, other: Any) -> None:
        """Add the sums of other pixels."""
        ...


Part = TypeVar('Part', bound=Mergeable)


@dataclass
class Tally:
    """Sums over frames; equal for equal frames, however they were split and ordered.

    :param parts: histograms and other sums by name.
    :param frames: figures of single frames by frame.
    :param failed: frames that could not be read, and why.
    :param counts: pixels and other whole numbers.
    :param seconds: time by stage, which no figure depends on.
    """

    parts: dict[str, Mergeable] = field(default_factory=dict)
    frames: dict[str, dict[str, float]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)

    def part(self, name: str, make: Callable[[], Part]) -> Part:
        """Return the sums of that name, made where there are none."""
        if name not in self.parts:
            self.parts[name] = make()
        return self.parts[name]  # type: ignore[return-value]  # one name, one kind

    def add(self, name: str, part: Mergeable) -> None:
        """Add to the sums of that name; where there are none, the tally keeps these."""
        if name in self.parts:
            self.parts[name].merge(part)
        else:
            self.parts[name] = part

    def merge(self, other: 'Tally') -> None:
        """Add the sums of other frames."""
        for name, part in other.parts.items():
            self.add(name, part)
        self.frames |= other.frames
        self.failed |= other.failed
        self.counts.update(other.counts)
        for stage, seconds in other.seconds.items():
            self.took(stage, seconds)

    def took(self, stage: str, seconds: float) -> None:
        """Add time to a stage."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    @property
    def done(self) -> set[str]:
        """Frames that need not be looked at again."""
        return self.frames.keys() | self.failed.keys()
