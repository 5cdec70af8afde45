"""Cars, vans and buses as lit boxes on wheels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .camera import NEAR
from .canvas import Canvas
from .labels import CAR
from .style import Color

Points = NDArray[np.float64]

_ANGLES = np.linspace(0, 2 * np.pi, 14, endpoint=False)
_GLASS = (62, 54, 48)
_TYRE = (26, 26, 27)
_RIM = (120, 122, 124)


@dataclass(frozen=True)
class Body:
    """Measures of a vehicle, metres.

    :param waist: height of the lower body's upper edge.
    :param cabin: (rear, front) end of the roof and (rear, front) end of the cabin at the waist,
        as shares of the length from the tail.
    """

    length: float
    width: float
    height: float
    waist: float
    cabin: tuple[float, float, float, float]


CAR_BODY = Body(4.2, 1.75, 1.46, 0.88, (0.17, 0.58, 0.03, 0.76))
ESTATE_BODY = Body(4.6, 1.8, 1.52, 0.9, (0.05, 0.6, 0.0, 0.76))
VAN_BODY = Body(5.2, 2.0, 2.25, 1.15, (0.0, 0.82, 0.0, 0.93))
BUS_BODY = Body(10.5, 2.5, 3.0, 1.2, (0.0, 1.0, 0.0, 1.0))


@dataclass(frozen=True)
class Vehicle:
    """A vehicle that stands or follows its lane.

    :param z: of its middle at time 0.
    :param speed: metres a second along z, negative towards the camera.
    :param ahead: 1 where it looks along z, -1 where it looks back.
    """

    u: float
    z: float
    speed: float
    ahead: int
    body: Body
    color: Color

    def reach(self, time: float) -> float:
        """Return the place in the order of painting."""
        return self.z + self.speed * time

    def draw(self, canvas: Canvas, time: float) -> None:
        """Paint the faces that look at the camera, then lamps, then wheels."""
        center = self.reach(time)
        heading = canvas.street.heading(center)
        along = self.ahead * np.array([np.sin(heading), 0, np.cos(heading)])
        aside = self.ahead * np.array([np.cos(heading), 0, -np.sin(heading)])
        basis = np.stack([aside, [0.0, 1.0, 0.0], along])
        origin = canvas.street.points((self.u, 0, center))[0]
        painter = _Painter(canvas, origin, basis)
        if not painter.in_view(self.body.length):
            return
        self._paint(painter, canvas)

    def _paint(self, painter: '_Painter', canvas: Canvas) -> None:
        body = self.body
        half, tail, nose = body.width / 2, -body.length / 2, body.length / 2
        inset = 0.05 if body.waist > 1 else 0.14
        low, high = 0.24, body.waist
        roof_rear, roof_front, rear, front = (tail + share * body.length for share in body.cabin)
        under = _box(half, tail, nose, half, tail, nose, low, high)
        cabin = _box(half, rear, front, half - inset, roof_rear, roof_front, high, body.height)
        for name, face in under.items():
            painter.face(face, self.color, _LIGHT[name])
        for name, face in cabin.items():
            painter.face(face, self.color, _LIGHT[name])
            if name != 'top':
                painter.face(_inner(face, 0.1), _GLASS, _LIGHT[name] * 1.1)
        self._paint_ends(painter, canvas.weather.night)
        for side in (-1, 1):
            for place in (tail + 0.19 * body.length, nose - 0.19 * body.length):
                painter.wheel(side * (half + 0.01), place, side)

    def _paint_ends(self, painter: '_Painter', night: bool) -> None:
        body, half = self.body, self.body.width / 2
        for end, lamp, shine in (
            (-body.length / 2, (45, 40, 190), 1.6),
            (body.length / 2, (225, 232, 235), 2.6),
        ):
            out = np.sign(end) * 0.01
            for side in (-1, 1):
                x = side * (half - 0.24)
                ring = _upright(x - 0.19, x + 0.19, 0.62, 0.8, end + out)
                painter.face(ring, lamp, shine if night else 1)
                if night:
                    painter.glow(np.array([x, 0.7, end + out]), 0.35 * shine, lamp)
            painter.face(_upright(-0.26, 0.26, 0.42, 0.53, end + out), (200, 215, 220), 1)


_LIGHT = {'tail': 0.8, 'nose': 0.8, 'left': 0.9, 'right': 0.9, 'top': 1.2}


def _upright(x0: float, x1: float, y0: float, y1: float, z: float) -> Points:
    """Return a rectangle across the vehicle that looks outwards at its tail or nose."""
    ring = np.array([(x0, y0, z), (x0, y1, z), (x1, y1, z), (x1, y0, z)])
    return ring if z < 0 else ring[::-1]


def _box(
    half: float,
    rear: float,
    front: float,
    top_half: float,
    top_rear: float,
    top_front: float,
    low: float,
    high: float,
) -> dict[str, Points]:
    """Return the faces of a box that narrows upwards, each wound the same way seen from outside."""
    a, b, c, d = ((x, low, z) for z in (rear, front) for x in (-half, half))
    e, f, g, h = ((x, high, z) for z in (top_rear, top_front) for x in (-top_half, top_half))
    faces = {
        'tail': (a, e, f, b),
        'nose': (d, h, g, c),
        'left': (c, g, e, a),
        'right': (b, f, h, d),
        'top': (e, g, h, f),
    }
    return {name: np.array(ring) for name, ring in faces.items()}


def _inner(face: Points, margin: float) -> Points:
    """Shrink a face towards its middle by a share."""
    return np.asarray(face + (face.mean(0) - face) * 2 * margin)


class _Painter:
    """Paint faces given in a vehicle's own axes (right, up, ahead)."""

    def __init__(self, canvas: Canvas, origin: Points, basis: Points) -> None:
        self._canvas, self._origin, self._basis = canvas, origin, basis
        self._eye = (np.asarray(canvas.camera.position) - origin) @ basis.T
        self._depth = float(canvas.camera.to_camera(origin[None])[0, 2])

    def in_view(self, length: float) -> bool:
        k = self._canvas.camera.intrinsics
        return self._depth + length > NEAR and k.fy * 1.5 / max(self._depth, 1) > 1.5

    def face(self, ring: Points, color: Color, gain: float) -> None:
        """Paint a face unless it looks away."""
        # Positive where the ring's points run clockwise for the eye, that is seen from outside.
        if np.linalg.det((ring[1] - ring[0], ring[2] - ring[0], self._eye - ring[0])) > 0:
            self._canvas.polygon(self._origin + ring @ self._basis, color, CAR, gain)

    def wheel(self, x: float, z: float, side: int) -> None:
        for radius, color in ((0.33, _TYRE), (0.19, _RIM)):
            turn = -_ANGLES * side
            ring = np.stack(
                [np.full(14, x), 0.33 + radius * np.cos(turn), z - radius * np.sin(turn)], axis=1
            )
            self.face(ring, color, 1)

    def glow(self, place: Points, radius: float, color: Color) -> None:
        if place[2] * (self._eye[2] - place[2]) <= 0:
            return
        world = self._origin + place @ self._basis
        seen = self._canvas.camera.to_camera(world[None])
        if seen[0, 2] > NEAR:
            pixel = self._canvas.camera.project(seen)[0]
            scale = self._canvas.camera.intrinsics.fy / seen[0, 2]
            self._canvas.glows.append((pixel, float(radius * scale), color))
