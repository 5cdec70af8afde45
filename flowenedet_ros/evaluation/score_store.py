"""Score maps on disk, so that a second pass over the images needs no network."""

import os
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from flowenedet_ros.evaluation.methods import Scores


@dataclass(frozen=True)
class ScoreStore:
    """OOD score maps at the logit stride, about a megabyte for each image of eight methods.

    :param folder: shared by all processes; a machine that does not see it runs the graph again.
    """

    folder: Path

    def save(self, name: str, scores: dict[str, Scores]) -> None:
        """Write the maps of one frame."""
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix('.part')
        with part.open('wb') as file:
            np.savez(file, **{method: pair.ood for method, pair in scores.items()})  # type: ignore[arg-type]
        os.replace(part, path)

    def load(self, name: str) -> dict[str, Scores] | None:
        """Read the maps of one frame, None where there are none or they are damaged."""
        try:
            with np.load(self._path(name)) as maps:
                return {method: Scores(maps[method], maps[method]) for method in maps.files}
        except (OSError, ValueError, BadZipFile, EOFError):
            return None

    def _path(self, name: str) -> Path:
        return self.folder / (name.replace('/', '__') + '.npz')
