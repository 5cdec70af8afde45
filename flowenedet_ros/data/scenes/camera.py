"""A pinhole camera above a flat ground; world axes: x right, y up, z along the street, metres."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Plane = NDArray[np.float32]

NEAR = 0.6
"""Nearest depth that is drawn, metres."""


@dataclass(frozen=True)
class Intrinsics:
    """A camera without distortion, in pixels of a picture of `width` x `height`."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    @property
    def matrix(self) -> Points:
        """The 3x3 matrix K of `sensor_msgs/CameraInfo`."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], np.float64)


class Ground(NamedTuple):
    """Where the pixels below the horizon meet the ground.

    :param top: first row of the arrays in the picture.
    :param x: float32 (rows, W), world metres.
    :param z: float32 (rows, W), world metres.
    :param depth: float32 (rows,), metres along the optical axis.
    """

    top: int
    x: Plane
    z: Plane
    depth: Plane


@dataclass(frozen=True)
class Camera:
    """A pose and its projection; no roll.

    :param position: (x, y, z); y is the height above the ground.
    :param yaw: radians, positive to the right.
    :param pitch: radians, positive downwards.
    """

    intrinsics: Intrinsics
    position: tuple[float, float, float]
    yaw: float
    pitch: float

    @cached_property
    def rotation(self) -> Points:
        """Rows: the camera's right, down and forward axes in the world."""
        sin, cos = np.sin(self.yaw), np.cos(self.yaw)
        forward, right = np.array([sin, 0, cos]), np.array([cos, 0, -sin])
        down = np.array([0.0, -1.0, 0.0])
        sin, cos = np.sin(self.pitch), np.cos(self.pitch)
        return np.stack([right, cos * down - sin * forward, cos * forward + sin * down])

    @property
    def horizon(self) -> float:
        """Row of the horizon, pixels."""
        return float(self.intrinsics.cy - self.intrinsics.fy * np.tan(self.pitch))

    def to_camera(self, points: Points) -> Points:
        """Return world points (N, 3) in the axes right, down, forward."""
        seen: Points = (points - np.asarray(self.position)) @ self.rotation.T
        return seen

    def project(self, points: Points) -> Points:
        """Return pixels (N, 2) of points (N, 3) in camera axes, all in front of it."""
        k = self.intrinsics
        return points[:, :2] / points[:, 2:] * (k.fx, k.fy) + (k.cx, k.cy)

    def ground(self, farthest: float) -> Ground:
        """Return the ground seen by each pixel, from the row at depth `farthest` downwards."""
        k = self.intrinsics
        sin, cos = np.sin(self.pitch), np.cos(self.pitch)
        top = int(np.ceil(self.horizon)) + 1
        top = int(np.clip(top, 0, k.height - 1))
        steepness = (np.arange(top, k.height) - k.cy) / k.fy
        depth = self.position[1] / np.maximum(cos * steepness + sin, 1e-6)
        depth = np.minimum(depth, farthest)
        ahead = depth * (cos - sin * steepness)
        aside = depth[:, None] * ((np.arange(k.width) - k.cx) / k.fx)
        sin, cos = np.sin(self.yaw), np.cos(self.yaw)
        x = self.position[0] + aside * cos + (ahead * sin)[:, None]
        z = self.position[2] - aside * sin + (ahead * cos)[:, None]
        return Ground(top, x.astype(np.float32), z.astype(np.float32), depth.astype(np.float32))


def clip_near(points: Points) -> Points:
    """Cut a polygon (N, 3) in camera axes at the depth `NEAR`; may return no points."""
    inside = points[:, 2] >= NEAR
    if inside.all():
        return points
    kept = []
    for index in range(len(points)):
        here, there = points[index], points[(index + 1) % len(points)]
        if inside[index]:
            kept.append(here)
        if inside[index] != inside[(index + 1) % len(points)]:
            kept.append(here + (there - here) * (NEAR - here[2]) / (there[2] - here[2]))
    return np.array(kept).reshape(-1, 3)
