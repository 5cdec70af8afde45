"""Weights made from a key's name and shape alone, so that no weight file has to be kept."""

import zlib

import numpy as np
import torch
from torch import Tensor


def uniform(name: str, shape: tuple[int, ...]) -> Tensor:
    """Give values in [0, 1) that depend on nothing but their name and shape."""
    bits = np.random.PCG64(zlib.crc32(name.encode())).random_raw(int(np.prod(shape, dtype=int)))
    return torch.from_numpy((bits / 2.0**64).astype(np.float32).reshape(shape))


def formula_tensor(key: str, shape: tuple[int, ...]) -> Tensor:
    """Give one weight, scaled so that activations stay about as large as they come in."""
    if key.endswith('num_batches_tracked'):
        return torch.tensor(0)
    values = uniform(key, shape)
    if len(shape) > 1:
        fan_in = int(np.prod(shape[1:]))
        return (2 * values - 1) * (3 / fan_in) ** 0.5
    if key.endswith(('running_var', 'weight')):
        return 0.5 + values
    return 0.2 * values - 0.1


def formula_state(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Give a whole state dict."""
    return {key: formula_tensor(key, tuple(shape)) for key, shape in shapes.items()}


def formula_image(height: int, width: int) -> Tensor:
    """Give a normalised image with content at every scale."""
    rows = torch.linspace(0, 6, height)[None, :, None]
    columns = torch.linspace(0, 9, width)[None, None, :]
    phases = torch.tensor([0.0, 1.0, 2.0])[:, None, None]
    waves = torch.sin(rows * 2 + phases) + torch.cos(columns * 3 - phases)
    return (waves + uniform('image', (3, height, width)))[None]


def sampled(logits: Tensor) -> Tensor:
    """Pick every 97th value."""
    return logits.flatten()[::97]
