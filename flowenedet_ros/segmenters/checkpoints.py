"""Reading weight files safely, and putting them into a network key by key."""

import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from flowenedet_ros.data.classes import ClassInfo
from flowenedet_ros.segmenters.class_names import classes_named
from flowenedet_ros.segmenters.errors import SegmenterError
from flowenedet_ros.segmenters.key_maps import StateDict

IGNORED_PREFIXES = ('auxiliary_head.',)
"""Heads that only training used."""

_SHOWN = 5


@dataclass(frozen=True)
class Checkpoint:
    """The weights of a file and what it says beside them.

    :param classes: where the file names them.
    """

    path: Path
    state: StateDict
    classes: tuple[ClassInfo, ...] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def num_classes(self) -> int:
        """Number of logit channels.

        :raises SegmenterError: where the file has no classifier.
        """
        for key in ('decode_head.conv_seg.weight', 'decode_head.classifier.weight'):
            if key in self.state:
                return self.state[key].shape[0]
        raise SegmenterError(
            f'{self.path} holds no segmenter known here: it has no decode_head.conv_seg.weight. '
            f'Its keys begin with {", ".join(list(self.state)[:_SHOWN])}'
        )


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a `.safetensors` file, or a `.pth` file without ever running code it may hold.

    :raises SegmenterError: where the file is missing, damaged, holds more than weights or no
        weights at all.
    """
    if not path.is_file():
        raise SegmenterError(f'there is no checkpoint {path}')
    if path.suffix == '.safetensors':
        return _read_safetensors(path)
    content = _read_torch(path)
    meta = content.get('meta') if isinstance(content, dict) else None
    for key in ('state_dict', 'model'):
        if isinstance(content, dict) and isinstance(content.get(key), Mapping):
            content = content[key]
    state = _tensors(path, content)
    return Checkpoint(path, state, _meta_classes(meta))


def _read_safetensors(path: Path) -> Checkpoint:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework='pt') as file:
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            told = (file.metadata() or {}).get('segmenter', '{}')
    except (SafetensorError, OSError) as error:
        raise SegmenterError(f'{path} is no whole safetensors file: {error}') from error
    try:
        settings = json.loads(told)
        listed = [ClassInfo(c['name'], tuple(c['color'])) for c in settings.get('classes', ())]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SegmenterError(f'{path}: its `segmenter` metadata is damaged: {error!r}') from error
    return Checkpoint(path, _tensors(path, state), tuple(listed) or None, settings)


def _read_torch(path: Path) -> Any:
    try:
        return torch.load(path, map_location='cpu', weights_only=True)
    except pickle.UnpicklingError as error:
        if 'Unsupported global' in str(error) or 'Unsupported class' in str(error):
            raise SegmenterError(
                f'{path} asks to run code while it is read and was refused: '
                f'{_first_line(error)} Save its state dict alone and load that.'
            ) from error
        raise SegmenterError(f'{path} is no PyTorch weight file: {_first_line(error)}') from error
    except Exception as error:
        # torch.load has no common class for what it raises on damaged files.
        raise SegmenterError(
            f'{path} is damaged or no PyTorch weight file: {_first_line(error)}'
        ) from error


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = next((line for line in lines if 'Unsupported' in line), lines[0] if lines else '')
    return told[:300] or type(error).__name__


def _tensors(path: Path, content: Any) -> StateDict:
    if not isinstance(content, Mapping) or not content:
        raise SegmenterError(f'{path} holds no state dict but {type(content).__name__}')
    odd = [key for key, value in content.items() if not isinstance(value, Tensor)]
    if odd:
        raise SegmenterError(f'{path} holds no state dict: {odd[0]!r} is no tensor')
    state = {str(key).removeprefix('module.'): value for key, value in content.items()}
    for key, value in state.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise SegmenterError(f'{path}: {key} holds values that are not finite')
    return {key: v for key, v in state.items() if not key.startswith(IGNORED_PREFIXES)}


def _meta_classes(meta: Any) -> tuple[ClassInfo, ...] | None:
    """Read the class list that MMSegmentation keeps beside the weights, old style or new."""
    if not isinstance(meta, Mapping):
        return None
    inner = meta.get('dataset_meta')
    found = inner if isinstance(inner, Mapping) else meta
    names = found.get('CLASSES') or found.get('classes')
    palette = found.get('PALETTE') or found.get('palette')
    return classes_named(list(names), palette) if isinstance(names, list | tuple) else None


def load_state(network: nn.Module, state: StateDict, name: str, path: Path) -> None:
    """Put the weights into the network; every key on both sides must have its partner.

    :param name: the architecture, for the message.
    :raises SegmenterError: naming keys that are missing, unexpected or of another shape.
    """
    expected = network.state_dict()
    # Only training uses the counter, and some writers leave it out.
    counters = {key for key in expected if key.endswith('.num_batches_tracked')}
    problems = [
        _listed('missing', sorted(set(expected) - set(state) - counters)),
        _listed('unexpected', sorted(set(state) - set(expected))),
        _listed(
            'of another shape',
            [
                f'{key} {tuple(state[key].shape)} instead of {tuple(value.shape)}'
                for key, value in expected.items()
                if key in state and state[key].shape != value.shape
            ],
        ),
    ]
    if any(problems):
        raise SegmenterError(
            f'{path} does not fit {name}: {"; ".join(p for p in problems if p)}. Is it a '
            'checkpoint of another architecture?'
        )
    network.load_state_dict(state, strict=False)


def _listed(what: str, keys: list[str]) -> str:
    if not keys:
        return ''
    more = f' and {len(keys) - _SHOWN} more' if len(keys) > _SHOWN else ''
    return f'{len(keys)} keys {what} ({", ".join(keys[:_SHOWN])}{more})'
