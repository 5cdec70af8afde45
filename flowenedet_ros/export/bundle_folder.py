"""Model folders on disk: written whole or not at all, with hashes. Needs no torch."""

import dataclasses
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from flowenedet_ros.export.errors import ExportError
from flowenedet_ros.inference.manifest import FORMAT, MANIFEST, Manifest
from flowenedet_ros.inference.manifest_reader import read_manifest

_PACKAGES = ('flowenedet_ros', 'torch', 'onnx', 'onnxscript', 'onnxruntime', 'numpy')


@contextmanager
def new_folder(folder: Path, *, replace: bool = False) -> Iterator[Path]:
    """Give a temporary folder that becomes `folder` when the block ends without an error.

    :raises ExportError: when the folder exists and must not be replaced.
    """
    if folder.exists() and not replace:
        raise ExportError(f'{folder} is there already: choose another folder or use --replace')
    folder.parent.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix=f'.{folder.name}.', dir=folder.parent))
    try:
        yield place
        place.chmod(0o755)
        for path in place.iterdir():
            # Some writers make files that only their owner reads.
            path.chmod(0o644)
        if folder.exists():
            old = place.with_name(place.name + '.old')
            os.rename(folder, old)
            os.rename(place, folder)
            shutil.rmtree(old)
        else:
            os.rename(place, folder)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write `model.yaml` and read it back.

    :raises BundleError: when a value is not what a manifest may hold.
    """
    content = {'format': FORMAT, **_plain(manifest)}
    path.write_text(yaml.safe_dump(content, sort_keys=False, width=100), encoding='utf-8')
    read_manifest(path)


def hashes(folder: Path) -> dict[str, str]:
    """Give the sha256 of every file of a model folder but the manifest."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.name != MANIFEST
    }


def versions() -> dict[str, str]:
    """Give the versions of the packages that make a bundle."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _plain(value: Any) -> Any:
    """Turn nested dataclasses and mappings into what YAML writes."""
    if dataclasses.is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value
