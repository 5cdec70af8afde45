"""The JSON file of an evaluation, for other programs and for the report."""

import json
import math
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from flowenedet_ros.evaluation.engine import Engine
from flowenedet_ros.evaluation.tally import Tally

_LIBRARIES = (
    'flowenedet_ros',
    'torch',
    'numpy',
    'opencv-python-headless',
    'onnxruntime',
    'openvino',
)


@dataclass(frozen=True)
class Conditions:
    """Under what an evaluation was run, for whoever reads its figures.

    :param benchmark: its name.
    :param data: what was evaluated on, in words or as a path.
    :param resolution: 'labels' or 'stride'.
    :param command: what was typed.
    """

    benchmark: str
    data: str
    resolution: str
    command: str


def results(
    conditions: Conditions,
    engine: Engine,
    tally: Tally,
    figures: Mapping[str, Mapping[str, Any]],
    **more: Any,
) -> dict[str, Any]:
    """Gather everything that the JSON file says.

    :param figures: by method.
    :param more: keys of one benchmark alone.
    """
    manifest = engine.source.manifest
    images = int(tally.counts['images'])
    return {
        'benchmark': conditions.benchmark,
        'images': images,
        'pixels': int(tally.counts['pixels']),
        'model': manifest.name,
        'methods': {name: dict(values) for name, values in figures.items()},
        **more,
        'missing_methods': engine.methods.missing,
        'failed_images': dict(sorted(tally.failed.items())),
        'nonfinite_pixels': int(tally.counts['nonfinite']),
        'data': conditions.data,
        'resolution': conditions.resolution,
        'segmenter': manifest.segmenter.architecture,
        'model_sha256': manifest.files['model.onnx'],
        'training': dict(manifest.training),
        'backend': engine.source.backend,
        'seconds_per_image': {
            stage: seconds / max(1, images) for stage, seconds in sorted(tally.seconds.items())
        },
        'date': datetime.now(UTC).strftime('%Y-%m-%d'),
        'machine': f'{platform.machine()}, {os.cpu_count()} CPUs',
        'command': conditions.command,
        'versions': _versions(),
    }


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file whole or not at all; a figure that is undefined becomes null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + '.part')
    part.write_text(json.dumps(_plain(content), indent=2) + '\n', encoding='utf-8')
    os.replace(part, path)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, 'tolist'):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _versions() -> dict[str, str]:
    found = {'python': platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
