"""Checkpoints of a training run, written so that a stopped run can go on."""

import os
from pathlib import Path
from typing import Any, Protocol

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


class Stateful(Protocol):
    """A network, optimizer, schedule or the like."""

    def state_dict(self) -> dict[str, Any]:
        """Give what changes."""

    def load_state_dict(self, state_dict: dict[str, Any], /) -> object:
        """Take what `state_dict` gave."""


class RunState:
    """All that changes during a run, in one file.

    :param settings: plain values; only a run of the same settings goes on from the file.
    :param parts: what is saved and restored in place.
    """

    def __init__(self, path: Path, settings: dict[str, Any], **parts: Stateful) -> None:
        self._path, self._settings, self._parts = path, settings, parts

    def save(self, **counts: float) -> None:
        """Write the parts and some plain numbers, such as the epoch."""
        parts = {name: part.state_dict() for name, part in self._parts.items()}
        save_checkpoint(self._path, {'settings': self._settings, 'counts': counts, 'parts': parts})

    def restore(self) -> dict[str, Any] | None:
        """Restore the parts; give the numbers, or None where the run starts anew.

        :raises TrainingError: where the file is damaged or belongs to a run of other settings.
        """
        state = load_checkpoint(self._path, self._settings)
        if state is None:
            return None
        for name, part in self._parts.items():
            part.load_state_dict(state['parts'][name])
        counts: dict[str, Any] = state['counts']
        return counts
