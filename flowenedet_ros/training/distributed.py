"""One training process of several, as `torchrun` starts them; alone without it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

# The others wait while the first validates or fills a cache, for longer than the usual minutes.
_PATIENCE = timedelta(days=1)


@dataclass(frozen=True)
class Process:
    """This process's place among the training processes, and its device."""

    rank: int
    world: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this process writes the files and prints."""
        return self.rank == 0

    @contextmanager
    def first_goes_first(self) -> Iterator[None]:
        """Let the others enter a block when the first process has left it.

        For files that all need and only one may write, such as a cache.
        """
        if not self.is_first:
            dist.barrier()
        yield
        if self.is_first and self.world > 1:
            dist.barrier()


@contextmanager
def training_process() -> Iterator[Process]:
    """Join the process group that `torchrun` names in the environment, and leave it at the end."""
    rank, world = int(os.environ.get('RANK', '0')), int(os.environ.get('WORLD_SIZE', '1'))
    local = int(os.environ.get('LOCAL_RANK', '0'))
    cuda = torch.cuda.is_available()
    device = torch.device('cuda', local) if cuda else torch.device('cpu')
    if world > 1:
        dist.init_process_group('nccl' if cuda else 'gloo', timeout=_PATIENCE)
    try:
        yield Process(rank, world, device)
    finally:
        if world > 1:
            dist.destroy_process_group()
