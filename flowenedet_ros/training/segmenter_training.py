"""Fitting a segmenter on labelled pictures: resumable, and distributed under `torchrun`."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from flowenedet_ros.segmenters.interface import IMAGENET_MEAN, IMAGENET_STD
from flowenedet_ros.training.augment import Augmentation
from flowenedet_ros.training.average import WeightAverage
from flowenedet_ros.training.checkpoint import load_checkpoint, save_checkpoint
from flowenedet_ros.training.confusion import Confusion
from flowenedet_ros.training.distributed import Process
from flowenedet_ros.training.losses import class_weights, distillation_loss, segmentation_loss
from flowenedet_ros.training.segmentation_views import Samples, SegmentationViews

Teacher = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class SegmenterTraining:
    """Settings of one run; a checkpoint only resumes a run of the same settings.

    :param size: (height, width) of training views in pixels.
    :param scales: smallest and largest size of a picture relative to the view's.
    :param learning_rate: peak of the head's rate; the encoder's is `encoder_factor` times it.
    :param freeze_early: keep the encoder's layers down to stride 4 as they are; they take more than
        a quarter of a step and ImageNet's serve.
    :param distillation: weight of the teacher's loss against the labels', 0 without a teacher.
    """

    architecture: str
    num_classes: int
    epochs: int
    size: tuple[int, int]
    scales: tuple[float, float] = (0.6, 1.9)
    batch_size: int = 8
    learning_rate: float = 1.5e-3
    encoder_factor: float = 0.4
    weight_decay: float = 0.02
    average_decay: float = 0.995
    distillation: float = 0.0
    freeze_early: bool = False
    bfloat16: bool = True
    seed: int = 0
    sources: list[str] = field(default_factory=list)


def normalise(images: Tensor) -> Tensor:
    """Turn uint8 RGB (N, 3, H, W) into normalised float32."""
    mean = torch.tensor(IMAGENET_MEAN, device=images.device).view(1, 3, 1, 1)
    std = torch.tensor(IMAGENET_STD, device=images.device).view(1, 3, 1, 1)
    return (images.float() - mean) / std


@torch.no_grad()
def evaluate_segmenter(
    predict: Callable[[Tensor], Tensor],
    samples: Samples,
    num_classes: int,
    size: tuple[int, int],
    device: torch.device,
) -> Confusion:
    """Count right and wrong pixels of every picture at its labels' size.

    :param predict: normalised images (1, 3, H, W) to logits at any stride.
    :param size: (height, width) pictures are stretched to, as at run time.
    """
    confusion = Confusion(num_classes)
    for index in range(len(samples)):
        sample = samples[index]
        image = cv2.resize(sample.image, size[::-1], interpolation=cv2.INTER_LINEAR)
        rgb = np.ascontiguousarray(image[:, :, ::-1].transpose(2, 0, 1))
        logits = predict(normalise(torch.from_numpy(rgb)[None].to(device)))
        full = F.interpolate(logits.float(), size=sample.labels.shape, mode='bilinear')
        confusion.add(sample.labels, full[0].argmax(0).cpu().numpy())
    return confusion


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
        torch.manual_seed(settings.seed)
        self.settings, self.out, self.process, self.teacher = settings, out, process, teacher
        self.network = network.to(process.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.validation = validation
        self.views = SegmentationViews(
            sources, Augmentation(settings.size, settings.scales), seed=settings.seed
        )
        self.sampler: DistributedSampler[tuple[Tensor, Tensor]] = DistributedSampler(
            self.views, process.world, process.rank, seed=settings.seed, drop_last=True
        )
        self.steps = len(self.sampler) // settings.batch_size
        self.optimizer = torch.optim.AdamW(self._groups(), weight_decay=settings.weight_decay)
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._rate)
        self.average = WeightAverage(self.network, settings.average_decay)
        self.weights = class_weights(count_pixels(sources, settings.num_classes)).to(process.device)
        self.model: nn.Module = self.network
        if process.world > 1:
            self.model = DistributedDataParallel(self.network)
        self.epoch, self.best = 0, -1.0

    def _groups(self) -> list[dict[str, Any]]:
        encoder = getattr(self.network, 'backbone', nn.Module())
        inside = {id(parameter) for parameter in encoder.parameters()}
        rate = self.settings.learning_rate
        head = [p for p in self.network.parameters() if id(p) not in inside]
        return [
            {'params': list(encoder.parameters()), 'lr': rate * self.settings.encoder_factor},
            {'params': head, 'lr': rate},
        ]

    def _rate(self, step: int) -> float:
        """One epoch of linear warm-up, then a cosine to one hundredth."""
        total = self.steps * self.settings.epochs
        if step < self.steps:
            return (step + 1) / self.steps
        progress = (step - self.steps) / max(1, total - self.steps)
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))

    def fit(self, until: int | None = None) -> Path:
        """Train from the last checkpoint on; give the path of the best weights so far.

        :param until: epoch of the schedule to end after; None goes to its end.
        """
        self._resume()
        writer = SummaryWriter(self.out / 'tensorboard') if self.process.is_first else None
        for epoch in range(self.epoch, min(until or self.settings.epochs, self.settings.epochs)):
            loss = self._train_epoch(epoch)
            self.epoch = epoch + 1
            if writer:
                writer.add_scalar('loss', loss, epoch)
                miou = self.evaluate(self.average.state_dict(), self.validation).miou()
                writer.add_scalar('validation/miou', miou, epoch)
                tqdm.write(f'epoch {self.epoch}: loss {loss:.4f}, validation mIoU {miou:.4f}')
                self._save(miou)
        return self.out / 'best.pth'

    def _train_epoch(self, epoch: int) -> float:
        self.views.epoch = epoch
        self.sampler.set_epoch(epoch)
        loader = DataLoader(
            self.views,
            self.settings.batch_size,
            sampler=self.sampler,
            num_workers=1,
            drop_last=True,
        )
        self._set_training()
        total = 0.0
        bar = tqdm(loader, desc=f'epoch {epoch + 1}', disable=not self.process.is_first)
        for images, labels in bar:
            total += self._step(images.to(self.process.device), labels.to(self.process.device))
            bar.set_postfix(loss=f'{total / (bar.n + 1):.3f}')
        return total / max(1, self.steps)

    def _set_training(self) -> None:
        self.model.train()
        if self.settings.freeze_early:
            for layer in self.network.backbone.early_layers():
                layer.eval().requires_grad_(False)

    def _step(self, images: Tensor, labels: Tensor) -> float:
        inputs = normalise(images).contiguous(memory_format=torch.channels_last)
        kind = self.process.device.type
        with torch.autocast(kind, torch.bfloat16, enabled=self.settings.bfloat16):
            logits = self.model(inputs)[0]
        loss = segmentation_loss(logits, labels, self.weights)
        if self.teacher is not None:
            target = self.teacher(inputs)
            loss = loss + self.settings.distillation * distillation_loss(logits.float(), target)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        self.scheduler.step()
        self.average.update(self.network)
        return float(loss.detach())

    def evaluate(self, state: dict[str, Tensor], samples: Samples) -> Confusion:
        """Score some weights, leaving the present ones as they are."""
        trained = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.network.load_state_dict(state)
        self.network.eval()
        confusion = evaluate_segmenter(
            lambda images: self.network(images)[0],
            samples,
            self.settings.num_classes,
            self.settings.size,
            self.process.device,
        )
        self.network.load_state_dict(trained)
        return confusion

    def _save(self, miou: float) -> None:
        if miou >= self.best:
            self.best = miou
            save_checkpoint(self.out / 'best.pth', self.average.state_dict())
        save_checkpoint(self.out / 'last.pth', self.average.state_dict())
        save_checkpoint(
            self.out / 'last.ckpt',
            {
                'settings': asdict(self.settings),
                'epoch': self.epoch,
                'best': self.best,
                'network': self.network.state_dict(),
                'average': self.average.state_dict(),
                'average_steps': self.average.steps,
                'optimizer': self.optimizer.state_dict(),
                'scheduler': self.scheduler.state_dict(),
            },
        )

    def _resume(self) -> None:
        state = load_checkpoint(self.out / 'last.ckpt', asdict(self.settings))
        if state is None:
            return
        self.epoch, self.best = state['epoch'], state['best']
        self.network.load_state_dict(state['network'])
        self.average.weights, self.average.steps = state['average'], state['average_steps']
        self.optimizer.load_state_dict(state['optimizer'])
        self.scheduler.load_state_dict(state['scheduler'])


def count_pixels(sources: Sequence[Samples], num_classes: int) -> NDArray[np.int64]:
    """Count the labelled pixels of each class over at most 200 pictures of each source."""
    counts = np.zeros(256, np.int64)
    for source in sources:
        for index in range(0, len(source), max(1, len(source) // 200)):
            counts += np.bincount(source[index].labels.reshape(-1), minlength=256)
    return np.maximum(counts[:num_classes], 1)
