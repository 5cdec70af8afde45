"""What the air, the lens and the sensor do to a picture; labels are untouched."""

import cv2
import numpy as np
from numpy.typing import NDArray

from .canvas import Canvas
from .style import Weather

Image = NDArray[np.uint8]


class Recorder:
    """Turn a painted canvas into what a camera records in this weather.

    :param rng: decides the lens and the sensor of the sequence.
    """

    def __init__(self, rng: np.random.Generator, weather: Weather, height: int, width: int) -> None:
        self._weather = weather
        self._blur = rng.uniform(0.45, 0.8) * height / 480
        noise = rng.normal(0, rng.uniform(1.5, 5) * (1.6 if weather.night else 1), (256, 256, 3))
        self._noise = noise.astype(np.float32)
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        vignette = 1 - rng.uniform(0.05, 0.25) * (x * x + y * y) / 2
        gain = vignette[..., None] * np.asarray(weather.gain)
        self._gain = (gain * 128).clip(0, 255).astype(np.uint8)
        steps = np.linspace(0, 1, 256) ** rng.uniform(0.85, 1.15)
        self._curve = (steps * 255).round().astype(np.uint8)

    def record(self, canvas: Canvas, rng: np.random.Generator) -> Image:
        """Return the recorded picture, uint8 (H, W, 3).

        :param rng: decides the noise and the drops of this frame.
        """
        weather = self._weather
        image = canvas.image
        if weather.wet:
            image = _mirrored(canvas, weather.wet)
        image = np.asarray(cv2.multiply(image, self._gain, scale=1 / 128), np.uint8)
        if weather.night:
            image = _lamps(canvas, _head_lights(canvas, image))
        if weather.rain:
            image = _drops(rng, image, weather.rain)
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), max(self._blur, 0.3)), np.uint8)
        return np.asarray(cv2.LUT(self._noisy(rng, image), self._curve), np.uint8)

    def _noisy(self, rng: np.random.Generator, image: Image) -> Image:
        rows, columns = image.shape[:2]
        shift = rng.integers(0, 256, 2)
        tile = np.roll(self._noise, shift, (0, 1))
        repeats = (rows // 256 + 1, columns // 256 + 1, 1)
        noise = np.tile(tile, repeats)[:rows, :columns]
        return np.asarray(cv2.add(image, noise, dtype=cv2.CV_8U), np.uint8)


def _mirrored(canvas: Canvas, wet: float) -> Image:
    """Mirror what stands above the horizon in the ground below it, blurred downwards."""
    image = canvas.image
    horizon = int(np.clip(canvas.camera.horizon, 1, len(image) - 2))
    rows = min(horizon, len(image) - horizon)
    mirror = cv2.blur(image[horizon - rows : horizon][::-1], (5, 21))
    below = image[horizon : horizon + rows]
    ground = (canvas.labels[horizon : horizon + rows] == 3)[..., None]
    # What stands high is mirrored near the camera, and less of it as the view gets steeper.
    share = np.linspace(wet, 0, rows, dtype=np.float32)[:, None, None]
    mixed = (below * (1 - share) + mirror * share).astype(np.uint8)
    result = image.copy()
    result[horizon : horizon + rows] = np.where(ground, mixed, below)
    return result


def _drops(rng: np.random.Generator, image: Image, rain: float) -> Image:
    """Draw streaks of falling drops and lift the dark tones."""
    rows, columns = image.shape[:2]
    streaks = np.zeros((rows, columns), np.uint8)
    slant = rng.uniform(-0.15, 0.15)
    for x, y, length in rng.random((int(140 * rain), 3)):
        start = (int(x * columns), int(y * rows))
        fall = rows * (0.02 + 0.05 * length)
        end = (int(start[0] + slant * fall), int(start[1] + fall))
        cv2.line(streaks, start, end, 60, 1, cv2.LINE_AA)
    return np.asarray(cv2.add(image, cv2.merge([cv2.blur(streaks, (2, 3))] * 3)), np.uint8)


def _head_lights(canvas: Canvas, image: Image) -> Image:
    """Light the ground before the own car."""
    rows, columns = canvas.labels.shape
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    ahead = (y - canvas.camera.horizon) / rows
    pool = np.exp(-(((x / columns - 0.5) / (0.12 + 0.9 * ahead)) ** 2)) * np.clip(ahead * 9, 0, 1)
    gain = (1 + 1.6 * np.clip(pool, 0, 1)) * 80
    return np.asarray(
        cv2.multiply(image, cv2.merge([gain.clip(0, 255).astype('u1')] * 3), scale=1 / 80), np.uint8
    )


def _lamps(canvas: Canvas, image: Image) -> Image:
    """Add the shine of street lamps and head lights."""
    glow = np.zeros(image.shape, np.uint8)
    for pixel, radius, color in canvas.glows:
        if radius < 0.5 or np.abs(pixel).max() > 8000:
            continue
        center = (int(pixel[0]), int(pixel[1]))
        cv2.circle(glow, center, max(int(radius * 0.5), 1), color, -1)
    wide = cv2.GaussianBlur(glow, (0, 0), max(len(image) / 50, 1))
    near = cv2.GaussianBlur(glow, (0, 0), max(len(image) / 160, 0.8))
    return np.asarray(cv2.add(cv2.add(image, wide), near), np.uint8)
