"""What every detector takes, gives and is configured by."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from flowenedet_ros.detector.energies import finite_pixels, sanitise
from flowenedet_ros.detector.errors import DetectorError
from flowenedet_ros.detector.features import Features
from flowenedet_ros.detector.postprocess import SmlPostprocess, smooth_log_odds
from flowenedet_ros.detector.sml import SmlStatistics
from flowenedet_ros.segmenters.interface import SegmenterOutput

Variant = Literal['flowenedet', 'convnet', 'fed_u', 'fed_c']
Form = Literal['published', 'corrected']


@dataclass(frozen=True)
class DetectorConfig:
    """Everything that decides a detector's shape."""

    variant: Variant
    classes: int
    embedding_channels: int | None = None
    """Channels V of the segmenter's embedding; None: work from the logits alone."""
    deep_channels: int | None = None
    """Channels of the segmenter's deeper map; None: do without it."""
    form: Form = 'corrected'
    """Of `fed_u` and `fed_c` alone."""
    blocks: int = 4
    """Of `fed_u` and `fed_c`: L of the paper, 4 with DeepLabV3+ and 8 with SegFormer."""
    condition: int = 32
    """Of `fed_c`: channels P that the embedding is pooled to."""
    width: int = 32
    """Channels of the context network."""
    deep_width: int = 12
    """Channels that the deeper map is projected to for the context network."""
    couplings: int = 2
    """Of `flowenedet`."""
    coupling_width: int = 8
    """Hidden channels of each coupling of `flowenedet`."""
    dilations: tuple[int, ...] = (1, 2, 4)
    """Of the context network's depthwise 3x3 convolutions."""
    experts: int = 2
    """Of the context network: 2 read embedding and deeper map apart, 1 reads both."""
    say: tuple[float, float] = (1.2, 0.8)
    """How much two experts say once trained, that of the embedding and that of the deeper map."""
    embedding_cells: bool = False
    """Let the context network read all of the embedding, not every second row and column."""
    postprocess: bool = False
    """Smooth the scores as the published code does."""


class DetectorOutput(NamedTuple):
    """Scores of one batch before calibration; higher is more suspicious."""

    idm: Tensor
    """(N, h, w) log-odds that the predicted class is wrong."""
    ood: Tensor
    """(N, h, w) log-odds that no class covers the pixel."""
    nonfinite: Tensor
    """(N,) int32 pixels whose logits were NaN or infinite and were replaced."""


class Detector(nn.Module, ABC):
    """A detector on top of a frozen segmenter.

    It works in two steps: `features` has statistics but no trained weight, `joint` and `scores`
    read features alone.
    """

    components: int
    """Number M of things that a pixel can be: 2 (correct, wrong) or 3 (and outlier)."""
    is_density: bool
    """Whether `joint` is a normalised log-density of the flow's variables."""
    logit_mean: Tensor
    logit_variance: Tensor

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer('logit_mean', torch.zeros(config.classes))
        self.register_buffer('logit_variance', torch.ones(config.classes))
        self._postprocess = SmlPostprocess() if config.postprocess else None

    def set_statistics(self, statistics: SmlStatistics) -> None:
        """Set the SML statistics that the logits are standardised by.

        :raises DetectorError: they are of another number of classes.
        """
        if len(statistics.mean) != self.config.classes:
            raise DetectorError(
                f'SML statistics are of {len(statistics.mean)} classes, the detector of '
                f'{self.config.classes}; gather them on the logits of the same segmenter'
            )
        self.logit_mean.copy_(statistics.mean)
        self.logit_variance.copy_(statistics.variance)

    def check(self, output: SegmenterOutput) -> None:
        """Compare the segmenter's channels with the configuration.

        :raises DetectorError: they differ.
        """
        config = self.config
        _check(output.logits, 'logits', config.classes)
        _check(output.embedding, 'embedding', config.embedding_channels)
        _check(output.deep, 'deep map', config.deep_channels)

    @abstractmethod
    def extract(self, output: SegmenterOutput, good: Tensor) -> Features:
        """Turn a segmenter output into features, given where its logits are finite."""

    @abstractmethod
    def joint(self, features: Features) -> Tensor:
        """Return the log joint of variables and component up to a constant, (N, M, h, w)."""

    @abstractmethod
    def scores(self, features: Features) -> tuple[Tensor, Tensor]:
        """Return raw IDM and OOD log-odds, each (N, h, w)."""

    def features(self, output: SegmenterOutput) -> Features:
        """Turn a segmenter output into what `joint` and `scores` read.

        :raises DetectorError: the segmenter gives other channels than the configuration says.
        """
        self.check(output)
        return self.extract(output, finite_pixels(output.logits))

    def forward(self, output: SegmenterOutput) -> DetectorOutput:
        """Score every pixel at the resolution of the logits.

        :raises DetectorError: the segmenter gives other channels than the configuration says.
        """
        self.check(output)
        good = finite_pixels(output.logits)
        idm, ood = self.scores(self.extract(output, good))
        nonfinite = (~good).to(torch.int32).sum(dim=(1, 2, 3), dtype=torch.int32)
        if self._postprocess is not None:
            labels = sanitise(output.logits).argmax(dim=1)
            idm, ood = (smooth_log_odds(self._postprocess, score, labels) for score in (idm, ood))
        return DetectorOutput(idm, ood, nonfinite)


def _check(tensor: Tensor | None, name: str, channels: int | None) -> None:
    """Compare a tensor's channels with the configured ones; None asks for nothing."""
    if channels is None:
        return
    if tensor is None or tensor.shape[1] != channels:
        found = 'nothing' if tensor is None else f'{tensor.shape[1]} channels'
        raise DetectorError(
            f'the detector was built for a segmenter whose {name} has {channels} channels and got '
            f'{found}; build it anew for this segmenter'
        )
