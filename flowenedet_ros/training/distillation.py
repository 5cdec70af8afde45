"""What a segmenter learns from an already trained one."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from flowenedet_ros.segmenters.interface import SegmenterOutput
from flowenedet_ros.training.errors import TrainingError
from flowenedet_ros.training.losses import distillation_loss, hint_loss

Teacher = Callable[[Tensor], SegmenterOutput]
"""Gives what a frozen segmenter gives, for normalised images."""


@torch.no_grad()
def deep_channels(network: nn.Module, teacher: Teacher, device: torch.device) -> tuple[int, int]:
    """Give the channels of both deep maps.

    :raises TrainingError: where the teacher has none.
    """
    images = torch.zeros(1, 3, 64, 64, device=device)
    deep = teacher(images).deep
    if deep is None:
        raise TrainingError('this teacher gives no deep map: leave out --hint')
    return network.eval()(images)[2].shape[1], deep.shape[1]


class Learner(nn.Module):
    """The network, and a projection of its deep map onto the teacher's.

    :param deep: channels of the two deep maps, None without a hint.
    """

    def __init__(self, network: nn.Module, deep: tuple[int, int] | None) -> None:
        super().__init__()
        self.network = network
        self.projection = nn.Conv2d(*deep, 1) if deep else None

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Give the logits and the projected deep map."""
        outputs = self.network(images)
        return outputs[0], self.projection(outputs[2]) if self.projection else None


def teacher_loss(
    target: SegmenterOutput,
    logits: Tensor,
    projected: Tensor | None,
    *,
    distillation: float,
    hint: float,
) -> Tensor:
    """Compare with the teacher's classes and, where projected, its deep map.

    :param distillation: weight of the classes. :param hint: weight of the deep map.
    """
    loss = distillation * distillation_loss(logits.float(), target.logits.float())
    if projected is not None and target.deep is not None:
        loss = loss + hint * hint_loss(projected, target.deep)
    return loss
