"""Fitting a segmenter on labelled pictures: resumable, and distributed under `torchrun`."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from flowenedet_ros.segmenters.efficientnet_lite import EfficientNetLite0
from flowenedet_ros.training.augment import Augmentation
from flowenedet_ros.training.average import WeightAverage
from flowenedet_ros.training.checkpoint import RunState, save_checkpoint
from flowenedet_ros.training.confusion import Confusion
from flowenedet_ros.training.distillation import Learner, Teacher, deep_channels, teacher_loss
from flowenedet_ros.training.distributed import Process
from flowenedet_ros.training.errors import TrainingError
from flowenedet_ros.training.losses import class_weights, segmentation_loss
from flowenedet_ros.training.segmentation_views import (
    EpochSampler,
    Samples,
    SegmentationViews,
    count_pixels,
)
from flowenedet_ros.training.segmenter_evaluation import evaluate_segmenter, normalise
from flowenedet_ros.training.workers import picture_workers, started


@dataclass(frozen=True)
class SegmenterTraining:
    """Settings of one run; a checkpoint only resumes a run of the same settings.

    :param size: (height, width) of training views in pixels.
    :param scales: smallest and largest size of a picture relative to the view's.
    :param learning_rate: peak of the head's rate; the encoder's is `encoder_factor` times it.
    :param freeze_early: keep the encoder's layers down to stride 4 as they are; they take more than
        a quarter of a step and ImageNet's serve.
    :param input_size: (height, width) pictures are validated at.
    :param validate_every: epochs from one validation to the next; the last is always validated.
    :param distillation: weight of the teacher's logits against the labels, 0 without a teacher.
    :param hint: weight of the teacher's deep map.
    """

    architecture: str
    num_classes: int
    epochs: int
    size: tuple[int, int]
    input_size: tuple[int, int]
    scales: tuple[float, float] = (0.6, 1.9)
    batch_size: int = 8
    learning_rate: float = 1.5e-3
    encoder_factor: float = 0.4
    weight_decay: float = 0.02
    average_decay: float = 0.995
    validate_every: int = 1
    distillation: float = 0.0
    hint: float = 0.0
    freeze_early: bool = False
    bfloat16: bool = True
    seed: int = 0
    sources: list[str] = field(default_factory=list)


def freeze_early(network: nn.Module) -> list[nn.Module]:
    """Keep the encoder's layers down to stride 4 from learning; give them.

    :raises TrainingError: where the encoder has no ImageNet weights to keep.
    """
    encoder = getattr(network, 'backbone', None)
    if not isinstance(encoder, EfficientNetLite0):
        raise TrainingError(
            'this encoder starts from random weights and must learn all over: leave out '
            '--freeze-early'
        )
    return [layer.requires_grad_(False) for layer in encoder.early_layers()]


class SegmenterTrainer:
    """One run of training in one process.

    :param network: gives (logits, ...) for normalised images.
    :param out: folder for `last.ckpt`, `best.pth` and the TensorBoard log.
    :param teacher: gives the teacher's logits, where the run distils.
    """

    def __init__(
        self,
        settings: SegmenterTraining,
        network: nn.Module,
        sources: Sequence[Samples],
        validation: Samples,
        out: Path,
        process: Process,
        teacher: Teacher | None = None,
    ) -> None:
        torch.manual_seed(settings.seed + process.rank)
        self.settings, self.out, self.process, self.teacher = settings, out, process, teacher
        self.network = network.to(process.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.frozen = freeze_early(network) if settings.freeze_early else []
        deep = None
        if teacher is not None and settings.hint:
            deep = deep_channels(network, teacher, process.device)
        self.learner = Learner(network, deep).to(process.device)
        self.validation = validation
        views = SegmentationViews(
            sources, Augmentation(settings.size, settings.scales), seed=settings.seed
        )
        self.sampler = EpochSampler(
            views, process.world, process.rank, seed=settings.seed, drop_last=True
        )
        # Workers outlive an epoch, so that each reads its pictures once.
        self.loader = DataLoader(
            views,
            settings.batch_size,
            sampler=self.sampler,
            num_workers=max(1, picture_workers(process.device)),
            persistent_workers=True,
            drop_last=True,
        )
        self.steps = len(self.sampler) // settings.batch_size
        self.optimizer = torch.optim.AdamW(self._groups(), weight_decay=settings.weight_decay)
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._rate)
        self.average = WeightAverage(self.network, settings.average_decay)
        self.weights = class_weights(count_pixels(sources, settings.num_classes)).to(process.device)
        self.model: nn.Module = self.learner
        if process.world > 1:
            self.model = DistributedDataParallel(self.learner)
        self.epoch, self.best = 0, -1.0
        self.state = RunState(
            out / 'last.ckpt',
            asdict(settings),
            learner=self.learner,
            average=self.average,
            optimizer=self.optimizer,
            scheduler=self.scheduler,
        )

    def _groups(self) -> list[dict[str, Any]]:
        encoder = getattr(self.network, 'backbone', nn.Module())
        inside = {id(parameter) for parameter in encoder.parameters()}
        rate = self.settings.learning_rate
        head = [p for p in self.learner.parameters() if id(p) not in inside]
        return [
            {'params': list(encoder.parameters()), 'lr': rate * self.settings.encoder_factor},
            {'params': head, 'lr': rate},
        ]

    def _rate(self, step: int) -> float:
        """Linear warm-up over an epoch or 5 % of the run, then a cosine to one hundredth."""
        total = self.steps * self.settings.epochs
        warm_up = max(self.steps, total // 20)
        if step < warm_up:
            return (step + 1) / warm_up
        progress = (step - warm_up) / max(1, total - warm_up)
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))

    def fit(self, until: int | None = None) -> Path:
        """Train from the last checkpoint on; give the path of the best weights so far.

        :param until: epoch of the schedule to end after; None goes to its end.
        """
        self._resume()
        writer = SummaryWriter(self.out / 'tensorboard') if self.process.is_first else None
        end = min(until or self.settings.epochs, self.settings.epochs)
        for epoch in range(self.epoch, end):
            loss = self._train_epoch(epoch)
            self.epoch = epoch + 1
            if writer:
                writer.add_scalar('loss', loss, epoch)
                if self.epoch % self.settings.validate_every == 0 or self.epoch == end:
                    self._validate(writer, loss)
                self._save()
        return self.out / 'best.pth'

    def _train_epoch(self, epoch: int) -> float:
        self.sampler.set_epoch(epoch)
        self._set_training()
        total = 0.0
        bar = tqdm(
            started(self.loader),
            total=self.steps,
            desc=f'epoch {epoch + 1}',
            disable=not self.process.is_first,
        )
        for images, labels in bar:
            total += self._step(images.to(self.process.device), labels.to(self.process.device))
            bar.set_postfix(loss=f'{total / (bar.n + 1):.3f}')
        return total / max(1, self.steps)

    def _set_training(self) -> None:
        self.model.train()
        for layer in self.frozen:
            layer.eval()

    def _step(self, images: Tensor, labels: Tensor) -> float:
        inputs = normalise(images).contiguous(memory_format=torch.channels_last)
        kind = self.process.device.type
        with torch.autocast(kind, torch.bfloat16, enabled=self.settings.bfloat16):
            logits, projected = self.model(inputs)
            target = self.teacher(inputs) if self.teacher is not None else None
        loss = segmentation_loss(logits, labels, self.weights)
        if target is not None:
            loss = loss + teacher_loss(
                target,
                logits,
                projected,
                distillation=self.settings.distillation,
                hint=self.settings.hint,
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.learner.parameters(), 5.0)
        self.optimizer.step()
        self.scheduler.step()
        self.average.update(self.network)
        return float(loss.detach())

    def _validate(self, writer: SummaryWriter, loss: float) -> None:
        miou = self.evaluate(self.average.state_dict(), self.validation).miou()
        writer.add_scalar('validation/miou', miou, self.epoch - 1)
        tqdm.write(f'epoch {self.epoch}: loss {loss:.4f}, validation mIoU {miou:.4f}')
        if miou >= self.best:
            self.best = miou
            save_checkpoint(self.out / 'best.pth', self.average.state_dict())

    def evaluate(self, state: dict[str, Tensor], samples: Samples) -> Confusion:
        """Score some weights, leaving the present ones as they are."""
        trained = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.network.load_state_dict(state)
        self.network.eval()
        confusion = evaluate_segmenter(
            lambda images: self.network(images)[0],
            samples,
            self.settings.num_classes,
            self.settings.input_size,
            self.process.device,
        )
        self.network.load_state_dict(trained)
        return confusion

    def _save(self) -> None:
        save_checkpoint(self.out / 'last.pth', self.average.state_dict())
        self.state.save(epoch=self.epoch, best=self.best, average_steps=self.average.steps)

    def _resume(self) -> None:
        counts = self.state.restore()
        if counts is not None:
            self.epoch, self.best = counts['epoch'], counts['best']
            self.average.steps = counts['average_steps']
