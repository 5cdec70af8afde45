"""Frame in, `Perception` out. Imports no torch."""

from flowenedet_ros.inference.backends.base import RuntimeOptions
from flowenedet_ros.inference.bundle import bundled_models
from flowenedet_ros.inference.errors import BackendError, BundleError, FlowEneDetError, FrameError
from flowenedet_ros.inference.loading import load_bundle
from flowenedet_ros.inference.model import Model
from flowenedet_ros.inference.perception import Perception, Thresholds

__all__ = [
    'BackendError',
    'BundleError',
    'FlowEneDetError',
    'FrameError',
    'Model',
    'Perception',
    'RuntimeOptions',
    'Thresholds',
    'bundled_models',
    'load_bundle',
]
