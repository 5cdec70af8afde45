"""What every object of the street can do."""

from typing import Protocol

from .canvas import Canvas


class Thing(Protocol):
    """Something that stands or moves in the street."""

    def reach(self, time: float) -> float:
        """Return z by which things are painted from far to near, metres."""

    def draw(self, canvas: Canvas, time: float) -> None:
        """Paint it into picture and labels."""
