"""What is measured: a graph in a backend, a precision and a size."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.inference.backends.base import Precision, RuntimeOptions
from flowenedet_ros.inference.loading import open_backend
from flowenedet_ros.inference.manifest import MANIFEST
from flowenedet_ros.inference.manifest_reader import read_manifest
from flowenedet_ros.inference.model import Model
from flowenedet_ros.inference.perception import Perception

Graph = Literal['segmenter', 'fused']


class Runner(Protocol):
    """A loaded model, as a measuring process uses it."""

    def run_batch(self, images: Sequence[NDArray[np.uint8]]) -> list[Perception]:
        """Run images of one size."""
        ...


@dataclass(frozen=True)
class OpenModel:
    """Load one file of a bundle into one backend."""

    folder: Path
    file: Path
    backend: str
    precision: Precision
    threads: int

    def __call__(self) -> Runner:
        """Load it, in the measuring process."""
        options = RuntimeOptions(threads=self.threads)
        backend = open_backend(self.backend, self.file, self.precision, options)
        manifest = read_manifest(self.folder / MANIFEST)
        return Model(self.folder, manifest, backend, '')


@dataclass(frozen=True)
class Configuration:
    """One row of the table.

    :param height: of the camera images; so is `width`.
    :param network: (height, width) that the network sees.
    :param open: called in the measuring process; must pickle.
    """

    model: str
    backend: str
    precision: str
    graph: Graph
    height: int
    width: int
    batch: int
    network: tuple[int, int]
    open: Callable[[], Runner]

    @property
    def name(self) -> str:
        """The row in words."""
        return (
            f'{self.model} {self.backend} {self.precision} {self.graph} '
            f'{self.height}x{self.width} batch {self.batch}'
        )
