"""Drive a camera down a drawn street and record what it sees."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .camera import Camera, Intrinsics
from .canvas import Canvas
from .ground import GroundPainter
from .shadows import shadows
from .sky import Backdrop
from .style import Style, draw_style
from .weather import Recorder
from .world import World


@dataclass(frozen=True)
class SceneFrame:
    """One picture of a drive.

    :param image: uint8 (H, W, 3), BGR.
    :param labels: uint8 (H, W): ids of `CAMVID_CLASSES`, 254 on unknown obstacles.
    :param stamp_s: seconds since the start of the drive.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    intrinsics: Intrinsics
    stamp_s: float


def render_sequence(
    seed: int, frames: int, height: int = 480, width: int = 640, fps: float = 10.0
) -> Iterator[SceneFrame]:
    """Render a drive; street, light, weather and all that is met follow from the seed.

    The same arguments give the same bytes on one machine; a longer drive begins with the shorter.

    :raises DataError: where the size, number or rate of frames makes no sense.
    """
    if min(height, width) < 64 or frames < 0 or not fps > 0 or seed < 0:
        raise DataError(
            f'cannot render {frames} frames of {width}x{height} at {fps} fps from seed {seed}: '
            'expected at least 64x64, 0 or more frames, a positive rate, a seed of 0 or more'
        )
    return _drive(seed, frames, height, width, fps)


def _drive(seed: int, frames: int, height: int, width: int, fps: float) -> Iterator[SceneFrame]:
    rng = np.random.default_rng([seed, 0])
    style = draw_style(rng)
    intrinsics = Intrinsics(
        width, height, style.focal * width, style.focal * width, width / 2, height / 2
    )
    world = World(seed, style)
    ground = GroundPainter(rng, style)
    backdrop = Backdrop(rng, style, intrinsics)
    recorder = Recorder(rng, style.weather, height, width)
    for index in range(frames):
        time = index / fps
        canvas = Canvas(_pose(style, intrinsics, time), style.street, style.weather)
        eye = canvas.camera.position[2]
        things = world.things(eye, time)
        shades = [*world.stains(eye), *shadows(things, style.weather, time)]
        backdrop.draw(canvas)
        ground.draw(canvas, world.markings(eye), shades)
        for thing in things:
            thing.draw(canvas, time)
        image = recorder.record(canvas, np.random.default_rng([seed, 2, index]))
        yield SceneFrame(image, canvas.labels, intrinsics, time)


def _pose(style: Style, intrinsics: Intrinsics, time: float) -> Camera:
    """Follow the own lane with the small motions of a car on its springs."""
    street, z = style.street, style.speed * time
    u = street.keeps * street.lane / 2 + 0.12 * np.sin(0.5 * time)
    position = (float(street.middle(z)) + float(u), style.camera_height, z)
    pitch = style.pitch + 0.003 * np.sin(5.1 * time) + 0.0015 * np.sin(11.7 * time)
    return Camera(intrinsics, position, street.heading(z) + 0.01 * np.sin(0.7 * time), pitch)
