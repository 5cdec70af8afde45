"""Folders as Hugging Face's transformers writes them for SegFormer."""

import json
from pathlib import Path
from typing import Any

from flowenedet_ros.segmenters.checkpoints import Checkpoint, read_checkpoint
from flowenedet_ros.segmenters.class_names import classes_named
from flowenedet_ros.segmenters.errors import SegmenterError
from flowenedet_ros.segmenters.mix_transformer import SIZES

WEIGHT_FILES = ('model.safetensors', 'pytorch_model.bin')


def _config(folder: Path) -> dict[str, Any]:
    path = folder / 'config.json'
    try:
        config = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise SegmenterError(f'{folder} is no Hugging Face model: {error}') from error
    if not isinstance(config, dict) or config.get('model_type') != 'segformer':
        found = config.get('model_type') if isinstance(config, dict) else config
        raise SegmenterError(f'{path}: only model_type `segformer` is known, found {found!r}')
    return config


def folder_architecture(folder: Path) -> str:
    """Name the SegFormer that the folder's `config.json` describes.

    :raises SegmenterError: where it is none of B0 to B5.
    """
    config = _config(folder)
    found = (config.get('hidden_sizes'), config.get('depths'))
    for size, sizes in SIZES.items():
        if found == (list(sizes.widths), list(sizes.depths)):
            return f'segformer_{size}'
    raise SegmenterError(
        f'{folder / "config.json"}: hidden_sizes {found[0]} with depths {found[1]} is none of '
        'SegFormer B0 to B5'
    )


def folder_checkpoint(folder: Path) -> Checkpoint:
    """Read the weights of a folder and the classes its `config.json` names.

    :raises SegmenterError: where a file is missing or damaged.
    """
    labels = _config(folder).get('id2label') or {}
    path = next((folder / name for name in WEIGHT_FILES if (folder / name).is_file()), None)
    if path is None:
        raise SegmenterError(f'{folder} holds neither {" nor ".join(WEIGHT_FILES)}')
    found = read_checkpoint(path)
    try:
        names = [str(labels[key]) for key in sorted(labels, key=int)]
    except (TypeError, ValueError) as error:
        raise SegmenterError(f'{folder / "config.json"}: id2label is no list of ids') from error
    if not names or names[0] == 'LABEL_0':
        return found
    return Checkpoint(path, found.state, classes_named(names))
