"""Run a task to its end: shares, progress, and a state file that a stopped run goes on from."""

import hashlib
import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from tqdm import tqdm

from flowenedet_ros.evaluation import pool
from flowenedet_ros.evaluation.engine import EngineConfig, Task
from flowenedet_ros.evaluation.tally import Tally

_SAVE_EVERY_S = 10.0
_LAYOUT = 3
"""Of the parts of tallies; raised when they change, so that no state of another layout is taken."""
_SHARE = 4
"""Frames that travel to another process at once."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class RunOptions:
    """How to run, which no figure depends on.

    :param workers: processes.
    :param ray: address of a Ray cluster, None to stay on this machine.
    :param state: file to go on from and to keep up to date, None for none.
    """

    workers: int = 1
    ray: str | None = None
    state: Path | None = None


def run_task(
    config: EngineConfig,
    task: Task,
    options: RunOptions | None = None,
    progress: Progress | None = None,
) -> Tally:
    """Measure every frame of a task once.

    :param progress: called with (frames done, frames in all) after each share.
    """
    options = options or RunOptions()
    names = task.samples.names
    state = _State(options.state, _fingerprint(config, task))
    tally = state.load()
    left = [index for index, name in enumerate(names) if name not in tally.done]
    report = progress or (lambda done, total: None)
    report(len(names) - len(left), len(names))
    if not left:
        return tally
    try:
        for part in _run(config, task, left, options):
            tally.merge(part)
            report(len(tally.done), len(names))
            state.save_sometimes(tally)
    finally:
        state.save(tally)
    return tally


def run_shown(name: str, config: EngineConfig, task: Task, options: RunOptions) -> Tally:
    """Run a task under a progress bar."""
    with tqdm(total=len(task.samples), desc=name, unit='image', disable=None) as bar:

        def progress(done: int, total: int) -> None:
            bar.update(done - bar.n)

        return run_task(config, task, options, progress)


def _run(
    config: EngineConfig, task: Task, left: Sequence[int], options: RunOptions
) -> Iterator[Tally]:
    shares = [left[start : start + _SHARE] for start in range(0, len(left), _SHARE)]
    if options.ray:
        return pool.run_ray(config, task, shares, options.workers, options.ray)
    if options.workers > 1:
        return pool.run_processes(config, task, shares, options.workers)
    return pool.run_here(config, task, left)


def _fingerprint(config: EngineConfig, task: Task) -> str:
    """Tell evaluations apart that must not go on from each other's state."""
    chosen = (config.model, config.methods, config.post, config.backend)
    what = pickle.dumps((_LAYOUT, *chosen, task))
    return hashlib.sha256(what).hexdigest()


class _State:
    """The tally on disk; it is of use to the very same evaluation alone."""

    def __init__(self, path: Path | None, fingerprint: str) -> None:
        self._path = path
        self._fingerprint = fingerprint
        self._saved = monotonic()

    def load(self) -> Tally:
        if self._path is None or not self._path.is_file():
            return Tally()
        try:
            found: Any = pickle.loads(self._path.read_bytes())
            fingerprint, tally = found
        except Exception:  # a file cut short can fail in any way; the work is done again
            return Tally()
        return tally if fingerprint == self._fingerprint and isinstance(tally, Tally) else Tally()

    def save_sometimes(self, tally: Tally) -> None:
        if monotonic() - self._saved > _SAVE_EVERY_S:
            self.save(tally)

    def save(self, tally: Tally) -> None:
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_name(self._path.name + '.part')
        part.write_bytes(pickle.dumps((self._fingerprint, tally)))
        os.replace(part, self._path)
        self._saved = monotonic()
