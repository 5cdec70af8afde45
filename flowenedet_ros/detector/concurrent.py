"""The concurrent detector: two scores from one model of correct, misclassified and outlier."""

from abc import abstractmethod
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from flowenedet_ros.detector.base import Detector, DetectorConfig
from flowenedet_ros.detector.context_net import ContextNet, PlainHead
from flowenedet_ros.detector.features import VARIABLES, FeatureExtractor
from flowenedet_ros.detector.flow import COMPONENTS, EnergyFlow
from flowenedet_ros.segmenters.interface import SegmenterOutput

_ENERGY, _FIRST_ODDS = 1, 2


class ConcurrentDetector(Detector):
    """Features and read-out shared by the flow and by its plain ablation.

    ood = log p(outlier) - log(p(correct) + p(wrong)) - energy_weight * energy
    idm = log p(wrong) - log p(correct) + doubt_weight * log(1 - MSP)

    The two weights are not trained with the rest but chosen on validation data.
    """

    components = COMPONENTS
    energy_weight: Tensor
    doubt_weight: Tensor

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__(config)
        self.extractor = FeatureExtractor(
            config.classes, config.embedding_channels, config.deep_channels, config.condition
        )
        self.context = ContextNet(
            self.extractor.channels - VARIABLES, config.width, config.dilations
        )
        self.register_buffer('energy_weight', torch.tensor(0.3))
        self.register_buffer('doubt_weight', torch.tensor(1.0))

    def fit_normalisation(self, outputs: Iterable[SegmenterOutput]) -> None:
        """Set the normalisation of the features, once the SML statistics are set.

        :raises DetectorError: there was no pixel with finite values, or channels differ from the
            configuration.
        """
        prepared = (self.prepare(output)[0] for output in outputs)
        self.extractor.fit(prepared, self.logit_mean, self.logit_variance)

    def set_readout(self, energy_weight: float, doubt_weight: float) -> None:
        """Set the weights of energy and log(1 - MSP) in the two scores."""
        self.energy_weight.fill_(energy_weight)
        self.doubt_weight.fill_(doubt_weight)

    def extract(self, output: SegmenterOutput) -> Tensor:
        """Return the flow variables and their context, within [-8, 8]."""
        features: Tensor = self.extractor(output, self.logit_mean, self.logit_variance)
        return features

    @abstractmethod
    def relative(self, features: Tensor) -> Tensor:
        """Return log p(m | z, a) up to a constant of the pixel, (N, 3, h, w)."""

    def scores(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return raw IDM and OOD log-odds, each (N, h, w)."""
        model_idm, model_ood = self.model_odds(features)
        energy, log_doubt = self.evidence(features)
        idm = model_idm + self.doubt_weight * log_doubt
        ood = model_ood - self.energy_weight * energy
        return idm, ood

    def model_odds(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the log-odds of the components alone, (N, h, w) for IDM and for OOD."""
        correct, wrong, outlier = self.relative(features.float()).unbind(dim=1)
        idm = wrong - correct
        # Exporters write logaddexp without its guard against underflow.
        return idm, outlier - correct - F.softplus(idm)

    def evidence(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return energy and log(1 - MSP), each (N, h, w), as read off the features."""
        normaliser = self.extractor.variables
        energy = normaliser.restore(features.float(), _ENERGY)
        # log(1 - MSP) without cancellation.
        return energy, -F.softplus(normaliser.restore(features.float(), _FIRST_ODDS))


class FlowDetector(ConcurrentDetector):
    """The product's detector: a conditional flow of the pixel's energies."""

    is_density = True

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__(config)
        self.flow = EnergyFlow(config.width, config.blocks, config.coupling_width)

    def joint(self, features: Tensor) -> Tensor:
        """Return log p(z, m | a), (N, 3, h, w), of the normalised variables."""
        mixture, log_det = self._components(features.float())
        return mixture + log_det

    def log_density(self, features: Tensor) -> Tensor:
        """Return log p(z | a), (N, h, w): low where energies are unlike any seen in training."""
        return self.joint(features).logsumexp(dim=1)

    def relative(self, features: Tensor) -> Tensor:
        """Return log p(u, m | a); the log-determinant is the same for all components."""
        return self._components(features)[0]

    def _components(self, features: Tensor) -> tuple[Tensor, Tensor]:
        z, context = features[:, :VARIABLES], self.context(features[:, VARIABLES:])
        return self.flow.components(z, context)


class ConvNetDetector(ConcurrentDetector):
    """The ablation: equal inputs, context network and size, a plain classifier for the flow."""

    is_density = False

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__(config)
        flow = EnergyFlow(config.width, config.blocks, config.coupling_width)
        budget = sum(parameter.numel() for parameter in flow.parameters())
        self.head = PlainHead(config.width, budget)

    def joint(self, features: Tensor) -> Tensor:
        """Return class logits, (N, 3, h, w)."""
        return self.relative(features.float())

    def relative(self, features: Tensor) -> Tensor:
        """Return class logits, (N, 3, h, w)."""
        z, context = features[:, :VARIABLES], self.context(features[:, VARIABLES:])
        logits: Tensor = self.head(z, context)
        return logits
