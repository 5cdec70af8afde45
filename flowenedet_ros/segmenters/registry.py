"""Segmenters by name, by folder or by description."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from flowenedet_ros.data.classes import ClassInfo
from flowenedet_ros.segmenters.build import (
    ARCHITECTURES,
    architecture,
    build_network,
    load_imagenet_encoder,
)
from flowenedet_ros.segmenters.checkpoints import Checkpoint, load_state, read_checkpoint
from flowenedet_ros.segmenters.class_names import classes_of_count
from flowenedet_ros.segmenters.errors import SegmenterError
from flowenedet_ros.segmenters.foreign import load_foreign
from flowenedet_ros.segmenters.hugging_face import folder_architecture, folder_checkpoint
from flowenedet_ros.segmenters.interface import FrozenSegmenter, SegmenterSpec
from flowenedet_ros.segmenters.key_maps import (
    StateDict,
    from_hugging_face,
    from_mmsegmentation,
)
from flowenedet_ros.segmenters.segformer import SegFormer
from flowenedet_ros.segmenters.sliding import SlidingNetwork, SlidingWindow

__all__ = [
    'ARCHITECTURES',
    'build_network',
    'freeze',
    'load_imagenet_encoder',
    'load_segmenter',
    'save_segmenter',
]

DEFAULT_SIZE = (512, 1024)
HUGGING_FACE_EPS = 1e-5


def load_segmenter(
    name: str | Path,
    checkpoint: str | Path | None = None,
    *,
    classes: tuple[ClassInfo, ...] | None = None,
    input_size: tuple[int, int] | None = None,
    window: SlidingWindow | None = None,
) -> FrozenSegmenter:
    """Load a frozen segmenter.

    :param name: an architecture (see `ARCHITECTURES`) whose weights `checkpoint` holds; or the
        path of a description (`.yaml`) of an ONNX or TorchScript segmenter, of a folder that holds
        a Hugging Face SegFormer, or of a checkpoint that `save_segmenter` wrote.
    :param checkpoint: `.pth` of MMSegmentation or of `flowenedet train-segmenter`,
        `.safetensors`, or a Hugging Face folder.
    :param classes: where the checkpoint does not name them and they are neither the 19 of
        Cityscapes nor the 11 of CamVid.
    :param input_size: (height, width) the network will see.
    :param window: run the network on sliding windows of the input.
    :raises SegmenterError: where there is no such segmenter, or its files do not fit it.
    """
    path = Path(name)
    if path.suffix in ('.yaml', '.yml'):
        _only_a_path(path, checkpoint, classes, input_size, window)
        return load_foreign(path)
    if checkpoint is None:
        if str(name) in ARCHITECTURES:
            raise SegmenterError(
                f'{name} has no weights of its own: give `checkpoint`, or use build_network for an '
                'untrained network'
            )
        if not path.exists():
            known = ', '.join(ARCHITECTURES)
            raise SegmenterError(f'no segmenter and no file is called {name!r}; there are: {known}')
        return _load(None, path, classes, input_size, window)
    architecture(str(name))
    return _load(str(name), Path(checkpoint), classes, input_size, window)


def _only_a_path(path: Path, *given: object) -> None:
    if any(value is not None for value in given):
        raise SegmenterError(f'{path} describes everything itself; give the path alone')


def _load(
    name: str | None,
    path: Path,
    classes: tuple[ClassInfo, ...] | None,
    input_size: tuple[int, int] | None,
    window: SlidingWindow | None,
) -> FrozenSegmenter:
    if path.is_dir():
        told: str | None = folder_architecture(path)
        found = folder_checkpoint(path)
    else:
        found = read_checkpoint(path)
        told = found.settings.get('architecture')
    if name is None and told is None:
        raise SegmenterError(f'{path} does not say of which architecture it is; give its name too')
    if name is not None and told is not None and name != told:
        raise SegmenterError(f'{path} is a {told}, not a {name}')
    name = name or str(told)
    network = _network(name, found)
    listed = classes or found.classes or classes_of_count(found.num_classes)
    size = input_size or found.settings.get('input_size') or DEFAULT_SIZE
    return freeze(name, network, listed, (size[0], size[1]), window)


def _network(name: str, checkpoint: Checkpoint) -> nn.Module:
    """Build the network that the checkpoint's layout asks for, and load it."""
    state, count = checkpoint.state, checkpoint.num_classes
    known = architecture(name)
    options: dict[str, Any] = {}
    if name.startswith('segformer_'):
        state, options = _segformer_options(state)
    network = known.build(count, **options)
    load_state(network, state, name, checkpoint.path)
    return network


def _segformer_options(state: StateDict) -> tuple[StateDict, dict[str, Any]]:
    options: dict[str, Any] = {}
    if any(key.startswith('segformer.') for key in state):
        state = from_hugging_face(state)
        options = {'kind': 'hf', 'eps': HUGGING_FACE_EPS}
    elif any(key.startswith('backbone.layers.') for key in state):
        state = from_mmsegmentation(state)
    classifier = state.get('decode_head.conv_seg.weight')
    if isinstance(classifier, Tensor) and classifier.ndim == 4:
        options['channels'] = classifier.shape[1]
    return state, options


def freeze(
    name: str,
    network: nn.Module,
    classes: tuple[ClassInfo, ...],
    input_size: tuple[int, int] = DEFAULT_SIZE,
    window: SlidingWindow | None = None,
) -> FrozenSegmenter:
    """Make a frozen segmenter of a copy of a named network, with what can be folded folded.

    :raises SegmenterError: where classes, size or window do not fit the network.
    """
    known = architecture(name)
    classifier = network.get_submodule('decode_head.conv_seg')
    assert isinstance(classifier, nn.Conv2d)
    if classifier.out_channels != len(classes):
        raise SegmenterError(
            f'{name} gives {classifier.out_channels} classes, but {len(classes)} are named'
        )
    if min(input_size) < 32:
        raise SegmenterError(f'the input size must be at least 32x32, got {input_size}')
    network = copy.deepcopy(network).eval()
    if isinstance(network, SegFormer):
        network.fold()
    if window is not None:
        network = SlidingNetwork(network, window, known.deep_stride)
    spec = SegmenterSpec(
        architecture=name,
        classes=classes,
        input_size=input_size,
        logit_stride=known.logit_stride,
        embedding_channels=classifier.in_channels,
        deep_channels=known.deep_channels,
        deep_stride=known.deep_stride,
    )
    return FrozenSegmenter(network, spec)


def save_segmenter(
    path: Path,
    name: str,
    state: Mapping[str, Tensor],
    classes: tuple[ClassInfo, ...],
    input_size: tuple[int, int] = DEFAULT_SIZE,
) -> None:
    """Write the weights of a named network as one file that `load_segmenter(path)` reads.

    :param path: ends in `.safetensors`.
    """
    from safetensors.torch import save

    settings = {
        'architecture': name,
        'classes': [{'name': info.name, 'color': list(info.color)} for info in classes],
        'input_size': list(input_size),
    }
    tensors = {
        key: value.detach().to(torch.device('cpu')).contiguous() for key, value in state.items()
    }
    # Not save_file: that one leaves a file which only its owner may read.
    path.write_bytes(save(tensors, metadata={'segmenter': json.dumps(settings)}))
