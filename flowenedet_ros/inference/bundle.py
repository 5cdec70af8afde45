"""Find a model folder and check what is in it."""

import hashlib
from pathlib import Path

from flowenedet_ros.inference.backends.base import Precision
from flowenedet_ros.inference.errors import BundleError
from flowenedet_ros.inference.manifest import MANIFEST, Manifest
from flowenedet_ros.inference.manifest_reader import read_manifest

MODELS = Path(__file__).resolve().parents[1] / 'models'
"""Folder of the bundles that come with the package."""


def bundled_models() -> list[str]:
    """Names of the bundles that come with the package."""
    return sorted(path.parent.name for path in MODELS.glob(f'*/{MANIFEST}'))


def find_bundle(model: str | Path) -> Path:
    """Turn a bundled model's name or a path into a model folder.

    :raises BundleError: when there is none, listing the bundled names.
    """
    if isinstance(model, str) and (MODELS / model / MANIFEST).is_file():
        return MODELS / model
    path = Path(model).expanduser()
    if path.is_dir():
        return path
    if path.is_file():
        raise BundleError(f'{path} is a file: give the folder that holds {MANIFEST}')
    names = ', '.join(bundled_models()) or 'none'
    raise BundleError(
        f'no model `{model}`: give a model folder or the name of a bundled model ({names})'
    )


def open_bundle(folder: Path) -> Manifest:
    """Read a folder's manifest and check each of its files against its hash.

    :raises BundleError: for a missing, altered or unreadable file.
    """
    manifest = read_manifest(folder / MANIFEST)
    for name, digest in manifest.files.items():
        path = folder / name
        try:
            found = hashlib.sha256(path.read_bytes()).hexdigest()
        except FileNotFoundError:
            raise BundleError(f'{path} is missing: copy the whole folder again') from None
        except OSError as error:
            raise BundleError(f'{path} cannot be read: {error}') from error
        if found != digest:
            raise BundleError(
                f'{path} is not the file that {MANIFEST} describes (sha256 {found[:12]}..., '
                f'expected {digest[:12]}...): copy the folder again or export the model again'
            )
    return manifest


def model_file(folder: Path, manifest: Manifest, precision: Precision) -> Path:
    """Give the ONNX file of a precision; bf16 is computed from the fp32 file.

    :raises BundleError: when the bundle has none, naming those it has.
    """
    name = 'model.onnx' if precision in ('fp32', 'bf16') else f'model_{precision}.onnx'
    if name not in manifest.files:
        there = ', '.join(sorted(file for file in manifest.files if file.endswith('.onnx')))
        raise BundleError(
            f'{folder} has no {name} for precision {precision}, only {there}: '
            f'write it with `flowenedet export --precision {precision}`'
        )
    return folder / name
