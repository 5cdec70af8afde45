"""Synthetic street scenes as a source of training pictures."""

from flowenedet_ros.data.folder import Sample
from flowenedet_ros.data.scenes import render_sequence


class SceneSamples:
    """The first frame of each of `count` rendered streets; its outliers stay labelled as such.

    :param size: (height, width) in pixels.
    :param seed: another seed gives other streets.
    """

    def __init__(self, count: int, size: tuple[int, int], *, seed: int) -> None:
        self._count, self._size, self._seed = count, size, seed

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Sample:
        """Render one street; the same index gives the same picture."""
        if not 0 <= index < self._count:
            raise IndexError(index)
        height, width = self._size
        seed = self._seed * 100_000 + index
        frame = next(iter(render_sequence(seed, 1, height, width, 10)))
        return Sample(frame.image, frame.labels, f'scene_{seed}')
