"""What tasks share: samples to read, and score maps brought to the size of the labels."""

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.data.folder import Sample


class Samples(Protocol):
    """Labelled pictures in a fixed order; `LabelledFolder` and the benchmarks' layouts are such."""

    @property
    def names(self) -> list[str]:
        """Names of all pictures, each once."""
        ...

    def __len__(self) -> int:
        """Return the number of pictures."""
        ...

    def __getitem__(self, index: int, /) -> Sample:
        """Read one picture with its labels."""
        ...


def enlarge(
    score: NDArray[np.float32], shape: tuple[int, ...], into: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Enlarge a score map bilinearly, pixel centres aligned, to a height and width.

    :param into: memory of that shape to use anew.
    """
    if score.shape == shape:
        return score
    large = cv2.resize(score, (shape[1], shape[0]), dst=into, interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, np.float32)


def nearest(ids: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Resize a map of ids to a height and width, nearest pixel."""
    if ids.shape == shape:
        return ids
    resized = cv2.resize(ids, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(resized, np.uint8)
