"""The method: energies, flow, mixture, read-out, post-processing."""

from flowenedet_ros.detector.base import Detector, DetectorConfig, DetectorOutput
from flowenedet_ros.detector.build import (
    build_detector,
    load_detectors,
    parameter_count,
    save_detectors,
)
from flowenedet_ros.detector.concurrent import ConcurrentDetector, FlowDetector
from flowenedet_ros.detector.errors import DetectorError
from flowenedet_ros.detector.sml import SmlEstimator, SmlStatistics

__all__ = [
    'ConcurrentDetector',
    'Detector',
    'DetectorConfig',
    'DetectorError',
    'DetectorOutput',
    'FlowDetector',
    'SmlEstimator',
    'SmlStatistics',
    'build_detector',
    'load_detectors',
    'parameter_count',
    'save_detectors',
]
