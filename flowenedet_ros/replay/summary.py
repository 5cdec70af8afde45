"""What a replay says at its end: every frame accounted for, speed and age."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from flowenedet_ros.replay.accounts import frames


@dataclass(frozen=True)
class Summary:
    """Counts of frames and figures of time; a figure that nobody measured is None."""

    source: str
    sent: int
    received: int
    lost: int
    processed: int
    dropped: int
    rejected: int
    duration_s: float
    fps: float
    age_p50_ms: float | None
    age_p95_ms: float | None
    startup_s: float | None
    damage: str | None = None

    @classmethod
    def of(
        cls,
        source: str,
        sent: int,
        duration_s: float,
        values: Mapping[str, str],
        damage: str | None = None,
    ) -> Self:
        """Put together what the player sent and what the node reported.

        :param damage: why the input could not be played to its end.
        """
        received, lost, processed, dropped, rejected = frames(values)
        return cls(
            source=source,
            sent=sent,
            received=received,
            lost=lost,
            processed=processed,
            dropped=dropped,
            rejected=rejected,
            duration_s=round(duration_s, 3),
            fps=round(processed / duration_s, 2) if duration_s else 0.0,
            age_p50_ms=_number(values, 'age_p50_ms'),
            age_p95_ms=_number(values, 'age_p95_ms'),
            startup_s=_number(values, 'startup_s'),
            damage=damage,
        )

    @property
    def unaccounted(self) -> int:
        """Frames that were sent and of which nobody knows what became."""
        missing = self.sent - self.received - self.lost
        return abs(missing) + abs(self.received - self.processed - self.dropped - self.rejected)

    def text(self) -> str:
        """Give the lines that the demo prints."""
        balance = (
            'every frame accounted for'
            if not self.unaccounted
            else f'{self.unaccounted} frames UNACCOUNTED FOR'
        )
        lines = [
            f'source       {self.source}',
            f'frames       {self.sent} sent = {self.received} received + {self.lost} lost',
            f'             {self.received} received = {self.processed} processed + '
            f'{self.dropped} dropped + {self.rejected} rejected',
            f'             {balance}',
            f'speed        {self.fps:.1f} frames per second over {self.duration_s:.1f} s',
            f'age          p50 {_ms(self.age_p50_ms)}, p95 {_ms(self.age_p95_ms)} '
            'from stamp to publication',
            f'start-up     {_seconds(self.startup_s)} from process start to active',
        ]
        if self.damage is not None:
            lines.append(f'input        cut short: {self.damage}')
        return '\n'.join(lines)

    def save(self, path: Path) -> None:
        """Write the same as JSON."""
        content = {**asdict(self), 'unaccounted': self.unaccounted}
        path.write_text(json.dumps(content, indent=2) + '\n', encoding='utf-8')


def _number(values: Mapping[str, str], key: str) -> float | None:
    try:
        value = float(values[key])
    except (KeyError, ValueError):
        return None
    return value if math.isfinite(value) else None


def _ms(value: float | None) -> str:
    return 'unknown' if value is None else f'{value:.1f} ms'


def _seconds(value: float | None) -> str:
    return 'unknown' if value is None else f'{value:.2f} s'
