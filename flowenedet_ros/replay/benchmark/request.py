"""What is asked of the benchmark of the node."""

from dataclasses import dataclass


@dataclass(frozen=True)
class NodeRequest:
    """A model, how it is run, and the camera.

    :param height: of the camera images; so is `width`.
    :param frames: that the camera sends at a steady rate.
    """

    model: str
    backend: str = 'auto'
    precision: str = 'auto'
    threads: int = 0
    height: int = 720
    width: int = 1280
    frames: int = 100
