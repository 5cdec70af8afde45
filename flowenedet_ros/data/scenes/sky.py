"""The sky and the far skyline, drawn once and turned with the camera."""

import numpy as np

from .camera import Camera, Intrinsics
from .canvas import Canvas, Image
from .labels import BUILDING, SKY, TREE
from .outline import skyline
from .style import Style
from .textures import clouds


class Backdrop:
    """A wide picture of everything at infinity with its labels."""

    def __init__(self, rng: np.random.Generator, style: Style, intrinsics: Intrinsics) -> None:
        height, width = intrinsics.height, 3 * intrinsics.width
        weather = style.weather
        # Most of the change of colour is near the horizon.
        ramp = np.linspace(1, 0, height)[:, None, None] ** 0.6
        zenith, horizon = np.array(weather.zenith), np.array(weather.horizon)
        picture = horizon + (zenith - horizon) * ramp
        opacity = clouds(rng, height, width, weather.clouds)[..., None]
        white = np.minimum(horizon * (0.75 if weather.rain or weather.night else 1.08), 255)
        picture = np.broadcast_to(picture, (height, width, 3))
        picture = picture + (white - picture) * opacity * 0.85
        self._image: Image = np.clip(picture, 0, 255).astype(np.uint8)
        self._labels: Image = np.full((height, width), SKY, np.uint8)
        veil = 1 - float(np.exp(-weather.haze * 200))
        for label, color in ((BUILDING, (120, 118, 118)), (TREE, (60, 85, 75))):
            rise = skyline(rng, width, label == BUILDING) * intrinsics.height
            solid = np.arange(height)[:, None] >= height - rise[None, :]
            tone = np.array(color) * (1 - veil) * 0.9 + horizon * (0.1 + 0.9 * veil)
            self._image[solid] = tone.clip(0, 255).astype(np.uint8)
            self._labels[solid] = label

    def draw(self, canvas: Canvas) -> None:
        """Fill the whole picture: the backdrop above the horizon, its last row below."""
        rows, columns = canvas.labels.shape
        last = len(self._labels) - 1
        wanted = np.arange(rows) + round(last - 1 - canvas.camera.horizon)
        part = np.clip(wanted, 0, last), slice(left := self._shift(canvas.camera), left + columns)
        canvas.image[:] = self._image[part]
        canvas.labels[:] = self._labels[part]

    def _shift(self, camera: Camera) -> int:
        columns = camera.intrinsics.width
        turned = columns + camera.intrinsics.fx * np.tan(camera.yaw)
        return int(np.clip(turned, 0, 2 * columns - 1))
