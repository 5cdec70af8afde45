"""Segmenter outputs and configurations that the detector tests share."""

import torch

from flowenedet_ros.detector import Detector, DetectorConfig, SmlStatistics, build_detector
from flowenedet_ros.segmenters.interface import SegmenterOutput

CLASSES, EMBEDDING, DEEP = 5, 32, 6


def config(variant, **changes):
    channels = {'embedding_channels': EMBEDDING, 'deep_channels': DEEP}
    return DetectorConfig(variant, CLASSES, **{**channels, **changes})


def segmenter_output(height=24, width=32, images=2, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def draw(channels, rows, columns):
        return torch.randn(images, channels, rows, columns, generator=generator)

    return SegmenterOutput(
        logits=4 * draw(CLASSES, height, width) + 1,
        embedding=draw(EMBEDDING, height, width).relu(),
        deep=draw(DEEP, -(-height // 4), -(-width // 4)),
    )


def ready_detector(variant, **changes) -> Detector:
    """Build a detector with statistics, as before its training."""
    torch.manual_seed(0)
    detector = build_detector(config(variant, **changes))
    detector.set_statistics(
        SmlStatistics(torch.linspace(3, 6, CLASSES), torch.linspace(1, 2, CLASSES))
    )
    if hasattr(detector, 'fit_normalisation'):
        detector.fit_normalisation([segmenter_output(seed=9)])
    return detector.eval()
