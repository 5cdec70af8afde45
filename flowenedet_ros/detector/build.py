"""Detectors by configuration, and the file they are kept in."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from flowenedet_ros.detector.base import Detector, DetectorConfig
from flowenedet_ros.detector.concurrent import ConvNetDetector, FlowDetector
from flowenedet_ros.detector.errors import DetectorError
from flowenedet_ros.detector.fed import FedDetector

_CLASSES: Mapping[str, type[Detector]] = {
    'flowenedet': FlowDetector,
    'convnet': ConvNetDetector,
    'fed_u': FedDetector,
    'fed_c': FedDetector,
}
_METADATA_KEY = 'detectors'


def build_detector(config: DetectorConfig) -> Detector:
    """Build an untrained detector.

    :raises DetectorError: there is no such variant, or the segmenter gives too little for it.
    """
    if config.variant not in _CLASSES:
        raise DetectorError(
            f'no detector variant {config.variant!r}; choose one of {", ".join(_CLASSES)}'
        )
    return _CLASSES[config.variant](config)


def parameter_count(detector: Detector) -> int:
    """Return the number of trained parameters."""
    return sum(parameter.numel() for parameter in detector.parameters())


def save_detectors(path: str | Path, detectors: Mapping[str, Detector]) -> None:
    """Write detectors by name, with weights, statistics and configurations, as safetensors."""
    tensors = {
        f'{name}.{key}': value.detach().cpu().contiguous()
        for name, detector in detectors.items()
        for key, value in detector.state_dict().items()
    }
    configs = {name: asdict(detector.config) for name, detector in detectors.items()}
    # Not save_file: that one leaves a file which only its owner may read.
    Path(path).write_bytes(save(tensors, {_METADATA_KEY: json.dumps(configs)}))


def load_detectors(path: str | Path) -> dict[str, Detector]:
    """Read what `save_detectors` wrote; the detectors are in evaluation mode.

    :raises DetectorError: the file is missing, damaged or holds something else.
    """
    try:
        with safe_open(path, framework='pt') as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        configs = json.loads(metadata[_METADATA_KEY])
        return {name: _restore(name, config, tensors) for name, config in configs.items()}
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise DetectorError(
            f'{path} holds no detectors of this version ({error}); write it anew with train'
        ) from error


def _restore(name: str, values: dict[str, object], tensors: Mapping[str, torch.Tensor]) -> Detector:
    """Build one detector and give it its tensors."""
    values = {key: tuple(x) if isinstance(x, list) else x for key, x in values.items()}
    detector = build_detector(DetectorConfig(**values))  # type: ignore[arg-type]
    prefix = f'{name}.'
    own = {key[len(prefix) :]: x for key, x in tensors.items() if key.startswith(prefix)}
    detector.load_state_dict(own)
    return detector.eval()
