"""What is asked of the benchmark of the node."""

from dataclasses import dataclass


@dataclass(frozen=True)
class NodeRequest:
    """A model, how it is run, and the camera.

    :param height: of the camera images; so is `width`.
    :param seconds: how long the camera is steady; 40 frames at the least.
    """

    model: str
    backend: str = 'auto'
    precision: str = 'auto'
    threads: int = 0
    height: int = 720
    width: int = 1280
    seconds: float = 15.0
