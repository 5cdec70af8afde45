"""The picture and its labels, drawn with the same strokes so that they agree pixel for pixel."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .camera import NEAR, Camera, Points, clip_near
from .style import Color, Street, Weather

Image = NDArray[np.uint8]

# OpenCV counts pixels of polygons in fixed point; beyond this it would overflow.
_FARTHEST_PIXEL = 15000
_SUBPIXEL_BITS = 4


class Canvas:
    """Paint from far to near; what is painted later hides what was there, in both arrays.

    Edges are hard: the lens blur of `weather.record` softens the picture alone.
    """

    def __init__(self, camera: Camera, street: Street, weather: Weather) -> None:
        k = camera.intrinsics
        self.camera = camera
        self.street = street
        self.weather = weather
        self.image: Image = np.zeros((k.height, k.width, 3), np.uint8)
        self.labels: Image = np.zeros((k.height, k.width), np.uint8)
        self.glows: list[tuple[Points, float, Color]] = []
        """Lamps in view: pixel, radius in pixels, colour."""

    def haze(self, depth: float) -> float:
        """Return the share of the haze's colour at a depth."""
        return 1 - math.exp(-self.weather.haze * max(depth, 0))

    def tone(self, color: Color, depth: float, gain: float = 1.0) -> Color:
        """Return a surface's colour under the light and through the air."""
        veil = self.haze(depth)
        blue, green, red = (
            min(own * gain, 255) * (1 - veil) + air * veil
            for own, air in zip(color, self.weather.horizon, strict=True)
        )
        return blue, green, red

    def fill(self, pixels: Points, color: Sequence[float], label: int | None) -> None:
        """Fill a polygon (N, 2) of pixels; label None leaves the labels alone."""
        points = _fixed(pixels)
        cv2.fillPoly(self.image, [points], color, cv2.LINE_8, _SUBPIXEL_BITS)
        if label is not None:
            cv2.fillPoly(self.labels, [points], label, cv2.LINE_8, _SUBPIXEL_BITS)

    def polygon(self, points: Points, color: Color, label: int, gain: float = 1.0) -> None:
        """Fill a flat polygon (N, 3) of world points."""
        seen = clip_near(self.camera.to_camera(points))
        if len(seen) >= 3:
            tone = self.tone(color, float(seen[:, 2].mean()), gain)
            self.fill(self.camera.project(seen), tone, label)

    def textured(
        self, corners: Points, pyramid: Sequence[Image], label: int, gain: float = 1.0
    ) -> None:
        """Paint a parallelogram with a picture.

        :param corners: (3, 3), world points of the picture's left top, right top, left bottom.
        :param pyramid: the picture at full, half, quarter ... size.
        """
        origin, across, along = self.camera.to_camera(corners)
        across, along = across - origin, along - origin
        ring = [origin, origin + across, origin + across + along, origin + along]
        seen = clip_near(np.array(ring))
        if len(seen) < 3:
            return
        pixels = self.camera.project(seen)
        box = self._box(pixels)
        if box is None:
            return
        left, top, right, bottom = box
        texture = pyramid[_level(pixels, pyramid)]
        height, width = texture.shape[:2]
        k = self.camera.intrinsics.matrix
        k[:2, 2] -= left, top
        matrix = k @ np.stack([across / width, along / height, origin], axis=1)
        size = (right - left, bottom - top)
        if abs(np.linalg.det(matrix)) < 1e-9:
            return
        painted = cv2.warpPerspective(
            self._aired(texture, float(seen[:, 2].mean()), gain),
            matrix,
            size,
            borderMode=cv2.BORDER_REPLICATE,
        )
        mask = np.zeros((bottom - top, right - left), np.uint8)
        cv2.fillPoly(mask, [_fixed(pixels - (left, top))], 1, cv2.LINE_8, _SUBPIXEL_BITS)
        self._stamp(np.asarray(painted, np.uint8), mask, (left, top), label)

    def sprite(self, foot: Points, height: float, sizes: Sequence[Image], label: int) -> None:
        """Stand a cut-out upright, facing the camera.

        :param foot: world point (1, 3) of the middle of its lower edge.
        :param height: metres.
        :param sizes: uint8 (h, w, 4), BGRA, at full, half, quarter ... size; what has an alpha
            over 127 is seen.
        """
        ((x, y, depth),) = self.camera.to_camera(foot)
        if depth < NEAR:
            return
        ((x, y),) = self.camera.project(np.array([[x, y, depth]]))
        tall = self.camera.intrinsics.fy * height / depth
        wide = tall * sizes[0].shape[1] / sizes[0].shape[0]
        size = (round(wide), round(tall))
        if min(size) < 1 or max(size) > 4 * max(self.labels.shape):
            return
        left, top = round(x - wide / 2), round(y - tall)
        corners = np.array([(left, top), (left + size[0], top + size[1])])
        box = self._box(corners, 0)
        if box is None:
            return
        source = sizes[_level(corners, sizes)]
        part = np.s_[box[1] - top : box[3] - top, box[0] - left : box[2] - left]
        painted = np.asarray(cv2.resize(source, size), np.uint8)[part]
        seen = (painted[..., 3] > 127).view(np.uint8)
        image = self._aired(np.ascontiguousarray(painted[..., :3]), float(depth), 1)
        self._stamp(image, seen, box[:2], label)

    def _stamp(self, image: Image, mask: Image, corner: tuple[int, int], label: int) -> None:
        left, top = corner
        box = np.s_[top : top + mask.shape[0], left : left + mask.shape[1]]
        cv2.copyTo(image, mask, self.image[box])
        cv2.copyTo(np.full_like(mask, label), mask, self.labels[box])

    def _aired(self, image: Image, depth: float, gain: float) -> Image:
        veil = self.haze(depth)
        if veil < 0.01 and gain == 1:
            return image
        steps = np.arange(256)[:, None] * (gain * (1 - veil))
        curves = np.minimum(steps + np.asarray(self.weather.horizon) * veil, 255)
        return np.asarray(cv2.LUT(image, curves.astype(np.uint8)[None]), np.uint8)

    def _box(self, pixels: Points, grow: int = 1) -> tuple[int, int, int, int] | None:
        low = np.floor(pixels.min(0)).astype(int) - grow
        high = np.ceil(pixels.max(0)).astype(int) + grow
        rows, columns = self.labels.shape
        left, top = max(int(low[0]), 0), max(int(low[1]), 0)
        right, bottom = min(int(high[0]), columns), min(int(high[1]), rows)
        return (left, top, right, bottom) if left < right and top < bottom else None


class Board:
    """A canvas in metres, upright and facing the camera at the place of a thing.

    x goes to the right of the foot, y upwards. `visible` is False behind the camera or where the
    thing would be smaller than three pixels.
    """

    def __init__(self, canvas: Canvas, foot: Points, height: float = 1.8) -> None:
        self._canvas = canvas
        ((x, y, self.depth),) = canvas.camera.to_camera(foot)
        self.visible = bool(self.depth >= NEAR)
        self.scale = canvas.camera.intrinsics.fy / max(self.depth, NEAR)
        self.visible &= self.scale * height > 3
        pixels = canvas.camera.project(np.array([[x, y, max(self.depth, NEAR)]]))
        self.foot = pixels[0]

    def pixels(self, points: ArrayLike) -> Points:
        """Return pixels (N, 2) of points (N, 2) in metres on the board."""
        placed: Points = np.asarray(points, np.float64) * (self.scale, -self.scale) + self.foot
        return placed

    def polygon(self, points: ArrayLike, color: Color, label: int, gain: float = 1) -> None:
        """Fill a polygon (N, 2)."""
        tone = self._canvas.tone(color, float(self.depth), gain)
        self._canvas.fill(self.pixels(points), tone, label)

    def block(
        self, x: tuple[float, float], y: tuple[float, float], color: Color, label: int
    ) -> None:
        """Fill a rectangle, at least one pixel wide and high."""
        thin = 1 / self.scale
        wide, tall = max(x[1] - x[0], thin), max(y[1] - y[0], thin)
        ring = [(0, 0), (wide, 0), (wide, tall), (0, tall)]
        self.polygon(np.add(ring, (x[0], y[0])), color, label)

    def limb(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        width: float,
        color: Color,
        label: int,
    ) -> None:
        """Fill a bar between two points, at least one pixel wide."""
        a, b = np.asarray(start), np.asarray(end)
        along = b - a
        length = max(float(np.hypot(along[0], along[1])), 1e-6)
        normal = np.array([-along[1], along[0]]) / length * max(width, 1 / self.scale) / 2
        self.polygon([a + normal, b + normal, b - normal, a - normal], color, label)

    def disc(
        self, center: tuple[float, float], radii: tuple[float, float], color: Color, label: int
    ) -> None:
        """Fill an ellipse."""
        self.polygon(np.asarray(center) + _CIRCLE * radii, color, label)


_ANGLES = np.linspace(0, 2 * np.pi, 14, endpoint=False)
_CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)


def pyramid(image: Image, levels: int = 5) -> list[Image]:
    """Return a picture at full, half, quarter ... size."""
    sizes = [image]
    while len(sizes) < levels and min(sizes[-1].shape[:2]) >= 8:
        height, width = sizes[-1].shape[:2]
        half = cv2.resize(sizes[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        sizes.append(np.asarray(half, np.uint8))
    return sizes


def _level(pixels: Points, sizes: Sequence[Image]) -> int:
    """Choose the size that is about as large as its place in the picture, against flicker."""
    height, width = sizes[0].shape[:2]
    spread = np.maximum(np.ptp(pixels, axis=0), 1)
    shrink = np.sqrt(width / spread[0] * height / spread[1])
    return int(np.clip(np.log2(max(shrink, 1)), 0, len(sizes) - 1))


def _fixed(pixels: Points) -> NDArray[np.int32]:
    bounded = np.maximum(np.minimum(pixels, _FARTHEST_PIXEL), -_FARTHEST_PIXEL)
    return np.asarray(np.rint(bounded * (1 << _SUBPIXEL_BITS)), np.int32)
