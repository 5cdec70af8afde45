"""Processes that prepare pictures beside the one that trains."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import torch

_MOST = 12
_KEPT_FREE = 2


def picture_workers(device: torch.device) -> int:
    """Say how many processes to start: a GPU waits for pictures, a CPU has its cores to train on.

    :returns: 0 where the training process had better prepare them itself.
    """
    if device.type == 'cpu':
        return 0
    return min(_MOST, max(1, len(os.sched_getaffinity(0)) - _KEPT_FREE))


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let workers that start within use one core each.

    It is set before they start: OpenCV waits forever where a forked process changes it.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
