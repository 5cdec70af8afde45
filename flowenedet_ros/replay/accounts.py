"""What becomes of every frame, in the numbers that the node reports."""

from collections.abc import Mapping

COUNTED = ('received', 'lost', 'processed', 'dropped', 'rejected')


def frames(values: Mapping[str, str]) -> tuple[int, ...]:
    """Give (received, lost, processed, dropped, rejected); what was not reported counts as 0."""
    return tuple(int(float(values.get(name, 0))) for name in COUNTED)


def all_accounted(values: Mapping[str, str], sent: int) -> bool:
    """Say whether received + lost = sent and processed + dropped + rejected = received."""
    received, lost, processed, dropped, rejected = frames(values)
    return received + lost == sent and processed + dropped + rejected == received
