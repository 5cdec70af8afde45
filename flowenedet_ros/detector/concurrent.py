"""The concurrent detector: two scores from one model of correct, misclassified and outlier."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from flowenedet_ros.detector.base import Detector, DetectorConfig
from flowenedet_ros.detector.context_net import ContextNet, PlainHead
from flowenedet_ros.detector.energies import finite_pixels, softplus
from flowenedet_ros.detector.features import (
    FeatureExtractor,
    Features,
    coarse_channels,
    enlarge,
    flow_variables,
)
from flowenedet_ros.detector.flow import COMPONENTS, ConditionNet, EnergyFlow
from flowenedet_ros.detector.normalise import Statistics, fit_statistics
from flowenedet_ros.segmenters.interface import SegmenterOutput

_ENERGY, _FIRST_ODDS = 1, 2


class ConcurrentDetector(Detector):
    """Features, context and read-out shared by the flow and by its plain ablation.

    ood = log p(outlier) - log(p(correct) + p(wrong)) - energy_weight * energy
    idm = log p(wrong) - log p(correct) + doubt_weight * log(1 - MSP)

    The two weights are not trained with the rest but chosen on validation data.
    """

    components = COMPONENTS
    say: tuple[float, ...]
    energy_weight: Tensor
    doubt_weight: Tensor

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__(config)
        self.extractor = FeatureExtractor()
        self.context = ContextNet(
            coarse_channels(config.classes),
            config.embedding_channels,
            config.deep_channels,
            config.width,
            config.dilations,
            deep_width=config.deep_width,
            experts=config.experts,
            cells=config.embedding_cells,
        )
        self.say = config.say if self.context.experts > 1 else (1.0,)
        self.register_buffer('energy_weight', torch.tensor(0.3))
        self.register_buffer('doubt_weight', torch.tensor(1.0))

    def fit_normalisation(self, outputs: Iterable[SegmenterOutput]) -> None:
        """Set the normalisation of the features, once the SML statistics are set.

        :param outputs: of some training images, in batches of any size.
        :raises DetectorError: there was no pixel with finite values, or channels differ from the
            configuration.
        """
        with torch.no_grad():
            fit_statistics(self._maps_to_normalise(outputs))

    def _maps_to_normalise(
        self, outputs: Iterable[SegmenterOutput]
    ) -> Iterator[dict[Statistics, Tensor]]:
        """Give each batch's maps by the module that normalises them."""
        for output in outputs:
            self.check(output)
            logits = output.logits.float()
            raw, _ = flow_variables(logits, self.logit_mean, self.logit_variance)
            seen: dict[Statistics, Tensor] = {
                self.extractor.variables: raw.where(finite_pixels(logits), torch.nan)
            }
            features = self.features(output)
            if self.context.embedding is not None and features.embedding is not None:
                seen[self.context.embedding] = features.embedding
            if self.context.deep is not None and features.deep is not None:
                seen[self.context.deep] = features.deep
            yield seen

    def set_readout(self, energy_weight: float, doubt_weight: float) -> None:
        """Set the weights of energy and log(1 - MSP) in the two scores."""
        self.energy_weight.fill_(energy_weight)
        self.doubt_weight.fill_(doubt_weight)

    def extract(self, output: SegmenterOutput, good: Tensor) -> Features:
        """Return the flow variables and what their context is made of."""
        config = self.config
        output = SegmenterOutput(
            output.logits,
            None if config.embedding_channels is None else output.embedding,
            None if config.deep_channels is None else output.deep,
        )
        features: Features = self.extractor(output, good, self.logit_mean, self.logit_variance)
        return features

    @abstractmethod
    def odds(self, features: Features) -> Tensor:
        """Return log p(m | z, a) of wrong and of outlier over that of correct, (N, 2, h, w)."""

    def scores(self, features: Features) -> tuple[Tensor, Tensor]:
        """Return raw IDM and OOD log-odds, each (N, h, w)."""
        idm, ood = self.model_odds(features)
        energy, log_doubt = self.evidence(features)
        return idm + self.doubt_weight * log_doubt, ood - self.energy_weight * energy

    def model_odds(self, features: Features) -> tuple[Tensor, Tensor]:
        """Return the log-odds of the components alone, (N, h, w) for IDM and for OOD."""
        odds = self.odds(features)
        idm, outlier = odds[:, 0], odds[:, 1]
        return idm, outlier - softplus(idm)

    def evidence(self, features: Features) -> tuple[Tensor, Tensor]:
        """Return energy and log(1 - MSP), each (N, h, w), as read off the features."""
        z, normaliser = features.fine, self.extractor.variables
        # -softplus of the odds is log(1 - MSP) without cancellation.
        return normaliser.restore(z, _ENERGY), -softplus(normaliser.restore(z, _FIRST_ODDS))

    def _context(self, features: Features) -> tuple[Tensor, Tensor, tuple[int, int]]:
        """Return the variables, the context and the size of the former."""
        z = features.fine
        return z, self.context(features), (z.shape[2], z.shape[3])


class FlowDetector(ConcurrentDetector):
    """The product's detector: a conditional flow of the pixel's energies."""

    is_density = True

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__(config)
        self.condition = ConditionNet(config.width, config.coupling_width, self.say)
        self.flow = EnergyFlow(config.couplings, config.coupling_width)

    def joint(self, features: Features) -> Tensor:
        """Return log p(z, m | a), (N, 3, h, w), of the normalised variables."""
        z, context, size = self._context(features)
        return self.flow.joint(z, self.condition(context, size))

    def log_density(self, features: Features) -> Tensor:
        """Return log p(z | a), (N, h, w): low where energies are unlike any seen in training."""
        return self.joint(features).logsumexp(dim=1)

    def odds(self, features: Features) -> Tensor:
        """Return log p(m | z, a) of wrong and of outlier over that of correct, (N, 2, h, w)."""
        z, context, size = self._context(features)
        return self.flow.odds(z, self.condition(context, size, relative=True))


class ConvNetDetector(ConcurrentDetector):
    """The ablation: equal inputs, context network and size, a plain classifier for the flow."""

    is_density = False

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__(config)
        stood_for = (
            ConditionNet(config.width, config.coupling_width),
            EnergyFlow(config.couplings, config.coupling_width),
        )
        budget = sum(weight.numel() for part in stood_for for weight in part.parameters())
        self.head = PlainHead(config.width, budget, self.say)

    def joint(self, features: Features) -> Tensor:
        """Return class logits, (N, 3, h, w)."""
        z, context, size = self._context(features)
        logits: Tensor = self.head(z, enlarge(self.head.read(context), 2, size))
        return logits

    def odds(self, features: Features) -> Tensor:
        """Return the logits of wrong and of outlier over that of correct, (N, 2, h, w)."""
        logits = self.joint(features)
        return logits[:, 1:] - logits[:, :1]
