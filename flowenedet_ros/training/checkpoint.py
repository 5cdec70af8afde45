"""Checkpoints of a training run, written so that a stopped run can go on."""

import os
from pathlib import Path
from typing import Any

import torch

from flowenedet_ros.training.errors import TrainingError


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write `state` whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix('.tmp')
    torch.save(state, unfinished)
    os.replace(unfinished, path)


def load_checkpoint(path: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """Read the state to go on from, or None where the run starts anew.

    :raises TrainingError: where the file is damaged or belongs to a run of other settings.
    """
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:
        raise TrainingError(
            f'cannot resume from {path}: {error}. Remove the file to start anew.'
        ) from error
    if state.get('settings') != settings:
        raise TrainingError(
            f'{path} belongs to a run of other settings ({state.get("settings")}); this run has '
            f'{settings}. Give another output folder, or remove it to start anew.'
        )
    return state
