"""Another camera, as the segmenter's features would show it."""

import torch
from torch import Tensor

from flowenedet_ros.detector.concurrent import ConcurrentDetector
from flowenedet_ros.detector.normalise import Statistics
from flowenedet_ros.segmenters.interface import SegmenterOutput

_SHIFT = 0.35
_DROPPED = 0.15


class CameraShift:
    """Shift the feature channels of each crop, and hide some, so that no fit relies on a few.

    A new camera moves the segmenter's features as a whole. A detector fitted on features of few
    cameras takes that for something unknown; one fitted with this noise has fewer false alarms on a
    camera that it never saw.

    :param detector: whose statistics say how far a channel usually reaches.
    """

    def __init__(self, detector: ConcurrentDetector) -> None:
        self._embedding, self._deep = detector.context.embedding, detector.context.deep

    def __call__(self, output: SegmenterOutput, seed: int) -> SegmenterOutput:
        """Return the crops (N, ...) as N other cameras would give them; the logits stay."""
        generator = torch.Generator().manual_seed(seed)
        return output._replace(
            embedding=_shifted(output.embedding, self._embedding, generator),
            deep=_shifted(output.deep, self._deep, generator),
        )


def _shifted(
    x: Tensor | None, statistics: Statistics | None, generator: torch.Generator
) -> Tensor | None:
    if x is None or statistics is None:
        return x
    mean, std = (part.view(1, -1, 1, 1) for part in (statistics.mean, statistics.std))
    shape = (*x.shape[:2], 1, 1)
    shift = torch.randn(shape, generator=generator).to(x.device)
    hidden = (torch.rand(shape, generator=generator) < _DROPPED).to(x.device)
    return torch.where(hidden, mean, x + _SHIFT * std * shift)
