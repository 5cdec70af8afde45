"""Processes that prepare pictures beside the one that trains."""

import os
from collections.abc import Iterator
from typing import Any

import cv2
import torch
from torch.utils.data import DataLoader

_MOST = 12
_KEPT_FREE = 2


def picture_workers(device: torch.device) -> int:
    """Say how many processes to start: a GPU waits for pictures, a CPU has its cores to train on.

    :returns: 0 where the training process had better prepare them itself.
    """
    if device.type == 'cpu':
        return 0
    return min(_MOST, max(1, len(os.sched_getaffinity(0)) - _KEPT_FREE))


def started(loader: DataLoader[Any]) -> Iterator[Any]:
    """Start a loader's workers where they are not yet, with one core each, and give its batches.

    Their threads are set before they start: OpenCV waits forever where a forked process does that.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return iter(loader)
    finally:
        cv2.setNumThreads(threads)
