"""The methods that are compared, on the tensors of one run of one frozen segmenter.

`msp`, `entropy`, `max_logit`, `energy` and `sml` need no training; `mc_dropout` drops channels
before the last convolution, 32 times, and is evaluated only where it is asked for; `fed_u`, `fed_c`
and whatever else `flow.safetensors` holds are the published detectors and ablations; `flowenedet`
is the bundle's own, read off the graph. All scores rank: higher is more suspicious.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from flowenedet_ros.detector.base import Detector
from flowenedet_ros.detector.baselines import Baselines, mc_dropout
from flowenedet_ros.detector.build import load_detectors
from flowenedet_ros.detector.errors import DetectorError
from flowenedet_ros.detector.postprocess import SmlPostprocess, smooth_log_odds
from flowenedet_ros.detector.sml import SmlStatistics
from flowenedet_ros.evaluation.errors import EvaluationError
from flowenedet_ros.evaluation.source import LogitSource, Tensors
from flowenedet_ros.segmenters.interface import SegmenterOutput

PRODUCT = 'flowenedet'
UNTRAINED: Mapping[str, Callable[[Baselines], Tensor]] = {
    'msp': Baselines.msp,
    'entropy': Baselines.entropy,
    'max_logit': Baselines.max_logit,
    'energy': Baselines.energy,
}
MC_DROPOUT = 'mc_dropout'
KNOWN = (*UNTRAINED, 'sml', 'fed_u', 'fed_c', PRODUCT)
"""Methods by the names that tables and JSON files use; a bundle may hold more."""
POST = ('none', 'gaussian', 'sml')
"""Post-processing that every method may be given: none; a 7x7 Gaussian of sigma 1; boundary
suppression and the dilated Gaussian of the published code."""
_ODDS = frozenset({'msp', PRODUCT})
"""Untrained and own methods whose score is log-odds, so that sigmoid makes it a rate."""


_NO_LABELS = torch.zeros(0)
# Beyond any real score, and interpolation between two of them does not overflow.
_LARGEST = 1e30


@dataclass(frozen=True)
class Scores:
    """Score maps of one method, float32 (h, w); one and the same map where it has one score."""

    idm: NDArray[np.float32]
    ood: NDArray[np.float32]


class Methods:
    """Chosen methods of one bundle.

    :param source: of the tensors.
    :param names: methods; `all` among them is all that the bundle can give but `mc_dropout`.
    :param post: one of `POST`, given to all methods alike.
    :raises EvaluationError: where a method has no such name or this bundle cannot give it.
    """

    def __init__(
        self, source: LogitSource, names: Sequence[str] = ('all',), post: str = 'none'
    ) -> None:
        if post not in POST:
            raise EvaluationError(f'no post-processing {post!r}: choose one of {", ".join(POST)}')
        self._post = _postprocess(post, source.manifest.output.stride, source.device)
        self._detectors, reason = _load(source)
        trained = [name for name in self._detectors if name != PRODUCT]
        usable = [*UNTRAINED, *(['sml'] if self._detectors else []), *trained, PRODUCT]
        self.missing: dict[str, str] = {
            name: reason or 'flow.safetensors holds no such detector'
            for name in KNOWN
            if name not in usable
        }
        """Known methods that this bundle cannot give, and why."""
        self._classifier = source.classifier
        slow = [MC_DROPOUT] if self._classifier is not None else []
        wanted = [every for name in names for every in (usable if name == 'all' else [name])]
        self.names = tuple(dict.fromkeys(wanted))
        for name in self.names:
            if name not in (*usable, *slow):
                why = self.missing.get(name, 'it is unknown')
                there = ', '.join([*usable, *slow])
                raise EvaluationError(
                    f'method {name!r} cannot be evaluated, {why}; there are: {there}'
                )

    @property
    def features(self) -> set[str]:
        """Tensors of `source.FEATURES` that the chosen methods need."""
        needed = {'embedding'} if MC_DROPOUT in self.names else set()
        for name in self.names:
            if name != PRODUCT and (detector := self._detectors.get(name)) is not None:
                config = detector.config
                needed |= {'embedding'} if config.embedding_channels is not None else set()
                needed |= {'deep'} if config.deep_channels is not None else set()
        return needed

    def rates(self, name: str) -> bool:
        """Tell whether the sigmoid of a method's score is meant as a rate."""
        return name in _ODDS or name in self._detectors

    @torch.inference_mode()
    def score(self, tensors: Tensors) -> dict[str, Scores]:
        """Score one image with every method; every number is finite."""
        # Only post-processing looks at the classes.
        labels = tensors.logits.argmax(dim=1) if self._post is not None else _NO_LABELS
        baselines = Baselines(tensors.logits)
        return {name: self._score(name, tensors, baselines, labels) for name in self.names}

    def _score(self, name: str, tensors: Tensors, baselines: Baselines, labels: Tensor) -> Scores:
        if name == PRODUCT:
            device = tensors.logits.device
            idm, ood = (torch.from_numpy(x)[None].to(device) for x in (tensors.idm, tensors.ood))
            return self._finished(name, idm, ood, labels)
        if name in UNTRAINED:
            score = UNTRAINED[name](baselines)
            return self._finished(name, score, score, labels)
        if name == 'sml':
            detector = self._detectors.get(PRODUCT) or next(iter(self._detectors.values()))
            statistics = SmlStatistics(detector.logit_mean, detector.logit_variance)
            score = baselines.sml(statistics)
            return self._finished(name, score, score, labels)
        if name == MC_DROPOUT:
            score = self._mc_dropout(tensors)
            return self._finished(name, score, score, labels)
        output = SegmenterOutput(tensors.logits, tensors.embedding, tensors.deep)
        idm, ood, _ = self._detectors[name](output)
        if self._detectors[name].components == 2:
            ood = idm
        return self._finished(name, idm, ood, labels)

    def _mc_dropout(self, tensors: Tensors) -> Tensor:
        if self._classifier is None or tensors.embedding is None:
            raise EvaluationError('mc_dropout needs the embedding and the last convolution')
        weight, bias = (tensor.to(tensors.embedding.device) for tensor in self._classifier)
        return mc_dropout(tensors.embedding, lambda x: F.conv2d(x, weight, bias))

    def _finished(self, name: str, idm: Tensor, ood: Tensor, labels: Tensor) -> Scores:
        first = self._map(name, idm, labels)
        return Scores(first, first if ood is idm else self._map(name, ood, labels))

    def _map(self, name: str, score: Tensor, labels: Tensor) -> NDArray[np.float32]:
        detector = self._detectors.get(name)
        done = detector is not None and name != PRODUCT and detector.config.postprocess
        if self._post is not None and not done:
            if self.rates(name):
                score = smooth_log_odds(self._post, score, labels)
            else:
                score = self._post(score, labels)
        return finite(score[0].float().cpu().numpy())


def finite(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give scores that are no numbers the greatest one: what cannot be judged is suspicious.

    Minus zero becomes zero, its equal.
    """
    scores = scores + np.float32(0)
    if np.isfinite(scores).all():
        return scores
    clean = np.nan_to_num(scores, nan=_LARGEST, posinf=_LARGEST, neginf=-_LARGEST)
    return clean.astype(np.float32)


def _postprocess(post: str, stride: int, device: torch.device) -> SmlPostprocess | None:
    if post == 'none':
        return None
    if post == 'gaussian':
        # The plain kernel is one pixel of the score map apart at any stride.
        return SmlPostprocess(radii=(), dilation=1).to(device)
    return SmlPostprocess(stride).to(device)


def _load(source: LogitSource) -> tuple[dict[str, Detector], str]:
    """Read the trained detectors of a bundle, or say why there are none."""
    try:
        detectors = load_detectors(source.folder / 'flow.safetensors')
    except DetectorError as error:
        return {}, str(error)
    if not source.has_embedding:
        detectors = {
            name: detector
            for name, detector in detectors.items()
            if name == PRODUCT or detector.config.embedding_channels is None
        }
    return {name: detector.to(source.device) for name, detector in detectors.items()}, ''
