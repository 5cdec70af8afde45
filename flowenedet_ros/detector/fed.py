"""FED-U and FED-C (FlowEneDet, UAI 2023) as released and with the released defects mended."""

import torch
from torch import Tensor, nn

from flowenedet_ros.detector.actnorm import ActNorm, PublishedActNorm
from flowenedet_ros.detector.base import Detector, DetectorConfig
from flowenedet_ros.detector.coupling import Coupling, PublishedCoupling
from flowenedet_ros.detector.energies import log_in_out, negative_free_energy, standardise
from flowenedet_ros.detector.errors import DetectorError
from flowenedet_ros.detector.features import Features, pool_channels
from flowenedet_ros.detector.imap import IMap
from flowenedet_ros.detector.invertible_conv import InvertibleConv
from flowenedet_ros.detector.mixture import CoordinateMixture, GaussianMixture
from flowenedet_ros.segmenters.interface import SegmenterOutput


class FedBlock(nn.Module):
    """ActNorm, invertible 1x1 convolution, coupling and iMap (method section 1.4).

    :param kept: the channel that coupling and attention read.
    :param condition: channels of the condition, 0 for none.
    """

    def __init__(self, kept: int, condition: int, *, published: bool) -> None:
        super().__init__()
        norm = PublishedActNorm if published else ActNorm
        self.condition_norm = norm(condition) if condition else None
        self.norm = norm(2)
        self.mix = InvertibleConv(2)
        self.coupling = (PublishedCoupling if published else Coupling)(kept, condition)
        self.attention = IMap(kept, published=published)

    def _condition(self, condition: Tensor | None) -> Tensor | None:
        if condition is None or self.condition_norm is None:
            return None
        normalised: Tensor = self.condition_norm(condition)[0]
        return normalised

    def forward(self, z: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return transformed channels and the log-determinant by channel, both (N, 2, h, w)."""
        condition = self._condition(condition)
        z, normed = self.norm(z)
        z, mixed = self.mix(z)
        z, coupled = self.coupling(z, condition)
        z, attended = self.attention(z)
        return z, normed + mixed + coupled + attended

    def inverse(self, y: Tensor, condition: Tensor | None) -> Tensor:
        """Undo `forward`; the corrected form alone can."""
        if not isinstance(self.coupling, Coupling):
            raise DetectorError(
                'the published FlowEneDet has no inverse (its coupling reads the channel that it '
                'transforms); build the detector with form corrected'
            )
        y = self.attention.inverse(y)
        y = self.coupling.inverse(y, self._condition(condition))
        x: Tensor = self.norm.inverse(self.mix.inverse(y))
        return x


class FedFlow(nn.Module):
    """Blocks whose kept channel alternates."""

    def __init__(self, blocks: int, condition: int, *, published: bool) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            FedBlock(1 - index % 2, condition, published=published) for index in range(blocks)
        )

    def forward(self, z: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the latents and the log-determinant by channel, both (N, 2, h, w)."""
        log_det = torch.zeros_like(z)
        for block in self.blocks:
            z, more = block(z, condition)
            log_det = log_det + more
        return z, log_det

    def inverse(self, u: Tensor, condition: Tensor | None) -> Tensor:
        """Undo `forward`.

        :raises DetectorError: the flow is of the published form.
        """
        for block in reversed(self.blocks):
            assert isinstance(block, FedBlock)
            u = block.inverse(u, condition)
        return u


class FedHead(nn.Module):
    """Two Gaussians with means and weights of their own and one covariance (corrected form)."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(2, 2))
        self.log_prior = nn.Parameter(torch.zeros(2))
        self.gaussians = GaussianMixture(2, 2, shared=True)

    def forward(self, u: Tensor, log_det: Tensor) -> Tensor:
        """Return the log joint of variables and component, (N, 2, h, w)."""
        factor = self.gaussians.factor.matrix()[0]
        offset = -(self.mean @ factor.T).reshape(1, 4, 1, 1)
        prior = self.log_prior.log_softmax(dim=0).view(1, 2, 1, 1)
        mixture: Tensor = self.gaussians(u, offset, prior)
        return mixture + log_det.sum(dim=1, keepdim=True)


class FedDetector(Detector):
    """One score for both tasks from the standardised free energy.

    The two flow variables are functions of one energy, so that they lie on a curve: even the
    corrected form has a density on the plane only for points off it, and is trained by cross
    entropy like the published one.

    :raises DetectorError: `fed_c` was asked for without an embedding that can be pooled evenly.
    """

    components = 2

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__(config)
        published = config.form == 'published'
        self.is_density = not published
        self._channels = config.condition if config.variant == 'fed_c' else 0
        embedding = config.embedding_channels
        if self._channels and (embedding is None or embedding % self._channels):
            raise DetectorError(
                f'fed_c pools the embedding to {self._channels} channels, which needs a multiple '
                f'of that; the segmenter gives {embedding}. Choose another condition or fed_u'
            )
        self.flow = FedFlow(config.blocks, self._channels, published=published)
        self.head = CoordinateMixture() if published else FedHead()

    def extract(self, output: SegmenterOutput, good: Tensor) -> Features:
        """Return log p(in), log p(out) and, for `fed_c`, the pooled embedding."""
        logits = torch.where(good, output.logits.float(), 0.0)
        standardised = standardise(logits, self.logit_mean, self.logit_variance)
        z = log_in_out(negative_free_energy(standardised))
        if not self._channels or output.embedding is None:
            return Features(z)
        condition = pool_channels(output.embedding.float(), self._channels)
        return Features(torch.cat([z, torch.nan_to_num(condition, 0.0, 0.0, 0.0)], dim=1))

    def joint(self, features: Features) -> Tensor:
        """Return the log joint of correct and wrong, (N, 2, h, w)."""
        condition = features.fine[:, 2:] if self._channels else None
        joint: Tensor = self.head(*self.flow(features.fine[:, :2], condition))
        return joint

    def scores(self, features: Features) -> tuple[Tensor, Tensor]:
        """Return the one score twice."""
        joint = self.joint(features)
        score = joint[:, 1] - joint[:, 0]
        return score, score
