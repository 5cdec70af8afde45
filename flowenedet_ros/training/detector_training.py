"""Fitting a detector on the cached outputs of a frozen segmenter."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from flowenedet_ros.detector.base import Detector
from flowenedet_ros.detector.concurrent import ConcurrentDetector
from flowenedet_ros.segmenters.interface import SegmenterOutput
from flowenedet_ros.training.average import WeightAverage
from flowenedet_ros.training.camera_shift import CameraShift
from flowenedet_ros.training.checkpoint import RunState
from flowenedet_ros.training.detector_validation import validate
from flowenedet_ros.training.distributed import Process
from flowenedet_ros.training.feature_cache import CachedFeatures

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class DetectorTraining:
    """Settings of one fit; a checkpoint only resumes a fit of the same settings.

    :param crop: sides of the square training crops, in pixels at the logit stride.
    :param epoch_steps: steps between two validations.
    :param identity: what the features are made of.
    """

    variant: str
    steps: int = 2400
    epoch_steps: int = 400
    batch_size: int = 12
    crop: int = 64
    learning_rate: float = 4e-3
    weight_decay: float = 1e-3
    average_decay: float = 0.99
    seed: int = 0
    identity: str = ''


class Crops:
    """Random crops of cached views; the crops of a step depend on seed, rank and step alone."""

    def __init__(self, cache: CachedFeatures, settings: DetectorTraining, rank: int) -> None:
        self._cache, self._settings, self._rank = cache, settings, rank
        height, width = cache.target.shape[1:]
        crop = settings.crop
        self._size = min(crop, height), min(crop, width)
        deepest = int(min(values.shape[2] for values in cache.maps.values()))
        self._grid: int = max(1, round(height / deepest))

    def __call__(self, step: int) -> tuple[SegmenterOutput, Tensor]:
        """Give the crops of one step and their targets, on the CPU."""
        rng = np.random.default_rng((self._settings.seed, self._rank, step))
        count = self._settings.batch_size
        views = rng.integers(len(self._cache), size=count).tolist()
        corners = [(self._start(rng, axis=1), self._start(rng, axis=2)) for _ in range(count)]
        return self._cache.batch(views, corners, self._size)

    def _start(self, rng: np.random.Generator, axis: int) -> int:
        spare = self._cache.target.shape[axis] - self._size[axis - 1]
        return int(rng.integers(spare // self._grid + 1)) * self._grid


class _Joint(nn.Module):
    """A detector's joint from the segmenter's output, for one call through DDP."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, output: SegmenterOutput) -> Tensor:
        with torch.no_grad():
            features = self.detector.features(output)
        return self.detector.joint(features)


class DetectorTrainer:
    """One fit in one process.

    :param detector: with its statistics and normalisation set.
    :param loss: of (joint, target); see `detector.loss`.
    :param out: folder for the checkpoint and the TensorBoard log.
    """

    def __init__(
        self,
        settings: DetectorTraining,
        detector: Detector,
        loss: Loss,
        train: CachedFeatures,
        validation: CachedFeatures,
        out: Path,
        process: Process,
    ) -> None:
        torch.manual_seed(settings.seed + process.rank)
        self.settings, self.out, self.process, self.loss = settings, out, process, loss
        self.detector = detector.to(process.device)
        self.train, self.crops = train, Crops(train, settings, process.rank)
        self.shift = None
        if isinstance(detector, ConcurrentDetector):
            self.shift = CameraShift(detector)
        self.validation = validation
        self.joint: nn.Module = _Joint(self.detector)
        if process.world > 1:
            self.joint = DistributedDataParallel(self.joint)
        self.optimizer = torch.optim.AdamW(
            self.detector.parameters(),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
        )
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._rate)
        self.average = WeightAverage(self.detector, settings.average_decay)
        self.state = RunState(
            out / 'last.ckpt',
            {**asdict(settings), 'detector': asdict(detector.config)},
            detector=self.detector,
            average=self.average,
            optimizer=self.optimizer,
            scheduler=self.scheduler,
        )
        self.step = 0

    def _rate(self, step: int) -> float:
        """One twentieth of linear warm-up, then a cosine to one hundredth."""
        warm = max(1, self.settings.steps // 20)
        if step < warm:
            return (step + 1) / warm
        progress = min(1.0, (step - warm) / max(1, self.settings.steps - warm))
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress))

    def fit(self) -> Detector:
        """Train to the last step, from the last checkpoint on; give the averaged detector."""
        counts = self.state.restore() or {}
        self.step, self.average.steps = counts.get('step', 0), counts.get('average_steps', 0)
        if self.step == 0:
            self._initialise()
        writer = SummaryWriter(self.out / 'tensorboard') if self.process.is_first else None
        description = f'{self.settings.variant} seed {self.settings.seed}'
        bar = tqdm(
            total=self.settings.steps,
            initial=self.step,
            desc=description,
            disable=not self.process.is_first,
        )
        while self.step < self.settings.steps:
            value = self._train_step()
            bar.update()
            bar.set_postfix(loss=f'{value:.3f}')
            ended = self.step == self.settings.steps
            if writer and (self.step % self.settings.epoch_steps == 0 or ended):
                writer.add_scalar('loss', value, self.step)
                self._validate(writer)
                self.state.save(step=self.step, average_steps=self.average.steps)
        bar.close()
        self.detector.load_state_dict(self.average.state_dict())
        return self.detector.eval()

    @torch.no_grad()
    def _initialise(self) -> None:
        """Let the data set what starts from the data (ActNorm), the same in every process."""
        self.detector.train()
        torch.manual_seed(self.settings.seed)
        output, _ = Crops(self.train, self.settings, rank=0)(0)
        self.detector.joint(self.detector.features(output.to(self.process.device)))
        self.average.load_state_dict(
            {k: v.detach().clone() for k, v in self.detector.state_dict().items()}
        )

    def _train_step(self) -> float:
        self.detector.train()
        output, target = self.crops(self.step)
        output = output.to(self.process.device)
        place = self.settings.seed * self.process.world + self.process.rank
        # What a step draws depends on its place alone, so that a resumed fit goes on the same way.
        seed = place * self.settings.steps + self.step
        torch.manual_seed(seed)
        if self.shift is not None:
            output = self.shift(output, seed)
        joint = self.joint(output)
        loss = self.loss(joint, target.to(self.process.device))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.detector.parameters(), 1.0)
        self.optimizer.step()
        self.scheduler.step()
        self.average.update(self.detector)
        self.step += 1
        return float(loss.detach())

    def _validate(self, writer: SummaryWriter) -> None:
        """Score the averaged weights, leaving the trained ones as they are."""
        trained = {k: v.clone() for k, v in self.detector.state_dict().items()}
        self.detector.load_state_dict(self.average.state_dict())
        figures = validate(self.detector.eval(), self.validation)
        self.detector.load_state_dict(trained)
        for name, ranking in figures.items():
            for kind, value in ranking._asdict().items():
                writer.add_scalar(f'{name}/{kind}', value, self.step)
        shown = ', '.join(f'{name} {ranking}' for name, ranking in figures.items())
        tqdm.write(f'step {self.step}: {shown} (AUROC/AP/FPR95)')


def choose_readout(detector: ConcurrentDetector, validation: CachedFeatures) -> None:
    """Set the read-out weights that rank validation pixels best.

    The energy's weight is chosen by the OOD ranking, that of log(1 - MSP) by the IDM ranking, each
    from a short list by `Ranking.merit`.
    """
    energies, doubts = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7), (0.0, 0.25, 0.5, 1.0, 1.5)
    best: dict[str, tuple[float, float]] = {}
    for energy, doubt in zip(energies, (*doubts, doubts[-1]), strict=True):
        detector.set_readout(energy, doubt)
        figures = validate(detector.eval(), validation)
        for name, weight in (('ood', energy), ('idm', doubt)):
            best[name] = max(best.get(name, (-math.inf, 0.0)), (figures[name].merit, weight))
    detector.set_readout(best['ood'][1], best['idm'][1])
