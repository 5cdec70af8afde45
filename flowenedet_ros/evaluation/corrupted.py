"""Cityscapes-C: every corruption and severity of a labelled folder, averaged as published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowenedet_ros.data.corruptions import (
    PAPER_CORRUPTIONS,
    PAPER_SEVERITIES,
    SEVERITIES,
    STANDARD_CORRUPTIONS,
    CorruptedImages,
)
from flowenedet_ros.evaluation.benchmark import Benchmark, Part, mean_of_sets
from flowenedet_ros.evaluation.cityscapes import CityscapesFigures, CityscapesTask
from flowenedet_ros.evaluation.counting import Counting
from flowenedet_ros.evaluation.errors import EvaluationError
from flowenedet_ros.evaluation.limited import limited
from flowenedet_ros.evaluation.standard import iou_details, merged
from flowenedet_ros.evaluation.suites import CITYSCAPES_COLUMNS, semantic
from flowenedet_ros.evaluation.table import Figures


@dataclass(frozen=True)
class Choice:
    """Corruptions and severities."""

    corruptions: Sequence[str]
    severities: Sequence[int]


CHOICES = {
    'paper': Choice(PAPER_CORRUPTIONS, PAPER_SEVERITIES),
    'full': Choice(STANDARD_CORRUPTIONS, SEVERITIES),
}
"""Those of the paper (15 types, severities 1 to 4), and the 15 x 5 of Cityscapes-C."""


def parse_choice(name: str, corruptions: str | None, severities: str | None) -> Choice:
    """Return a named choice, its corruptions or severities replaced by lists with commas.

    :raises EvaluationError: where a name or number is none.
    """
    if name not in CHOICES:
        raise EvaluationError(f'no set of corruptions {name!r}: choose {" or ".join(CHOICES)}')
    chosen = CHOICES[name]
    try:
        return Choice(
            corruptions.split(',') if corruptions else chosen.corruptions,
            [int(word) for word in severities.split(',')] if severities else chosen.severities,
        )
    except ValueError:
        raise EvaluationError(
            f'--severities {severities!r}: give numbers from 1 to 5 with commas between'
        ) from None


def cityscapes_c_benchmark(
    data: Path,
    classes: tuple[str, ...],
    label_map: str | None,
    counting: Counting,
    limit: int | None,
    choice: Choice,
    cache: Path | None,
) -> Benchmark:
    """Cityscapes-C of a Cityscapes folder, or the same of any labelled folder.

    :param cache: folder for corrupted pictures; None makes them anew each time.
    """
    clean = limited(semantic(data, label_map, len(classes)), limit)
    parts = []
    for corruption in choice.corruptions:
        for severity in choice.severities:
            samples = CorruptedImages(clean, corruption, severity, cache)  # type: ignore[arg-type]
            task = CityscapesTask(samples, len(classes), counting, merged(label_map))
            name = f'{corruption} {severity}'
            details = _details(classes)
            parts.append(Part(name, task, CityscapesFigures(), details))
    return Benchmark(
        'cityscapes-c',
        parts,
        CITYSCAPES_COLUMNS,
        str(data),
        mean_of_corruptions,
        lambda by_part: {
            key: sum(part[key] for part in by_part.values()) / len(by_part)
            for key in ('miou', 'accuracy')
        },
        quiet=True,
    )


def _details(classes: tuple[str, ...]) -> Any:
    return lambda tally: iou_details(tally, classes)


def mean_of_corruptions(by_part: Mapping[str, Figures]) -> dict[str, dict[str, Any]]:
    """Return the mean over all types and severities; `snow_...` is that over snow alone."""
    summary = mean_of_sets(by_part)
    snow = {name: part for name, part in by_part.items() if name.startswith('snow ')}
    if snow:
        for method, figures in mean_of_sets(snow).items():
            summary[method] |= {f'snow_{key}': value for key, value in figures.items()}
    return summary
