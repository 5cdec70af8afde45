"""Drawn surfaces of the street: asphalt, slabs, grass, fronts of houses, leaves, clouds."""

import cv2
import numpy as np
from numpy.typing import NDArray

from ..outliers.textures import fractal_noise, plane

Image = NDArray[np.uint8]

TILE = 512
"""Side of the tiling ground textures, pixels."""

_WALLS = (
    *((70, 90, 150), (60, 75, 120), (140, 165, 190), (175, 195, 210), (150, 155, 160)),
    *((120, 125, 130), (90, 100, 110), (110, 140, 170), (200, 205, 210), (130, 120, 105)),
)


def _wrapping_noise(rng: np.random.Generator, cells: int) -> NDArray[np.float32]:
    """Return smooth noise (TILE, TILE) in [0, 1] that continues over its borders."""
    grid = np.pad(rng.random((cells, cells), np.float32), 2, mode='wrap')
    step = TILE // cells
    big = cv2.resize(grid, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
    return plane(np.clip(big[2 * step : 2 * step + TILE, 2 * step : 2 * step + TILE], 0, 1))


def asphalt(rng: np.random.Generator) -> Image:
    """Draw a tile of brightness factors, 128 = 1: grain, stains and cracks."""
    grain = rng.normal(0, 9, (TILE, TILE)) + 22 * (_wrapping_noise(rng, 8) - 0.5)
    tile: Image = np.clip(128 + grain + 12 * (_wrapping_noise(rng, 64) - 0.5), 0, 255).astype(
        np.uint8
    )
    for _ in range(int(rng.integers(0, 4))):
        steps = rng.normal((6, 0), 7, (40, 2)) @ _turn(rng.uniform(0, 6.3))
        path = (rng.uniform(0, TILE, 2) + np.cumsum(steps, axis=0)).astype(np.int32)
        cv2.polylines(tile, [path.reshape(-1, 1, 2)], False, 95, 2, cv2.LINE_AA)
    return tile


def slabs(rng: np.random.Generator) -> Image:
    """Draw a tile of brightness factors, 128 = 1: paving stones with joints."""
    columns, rows = int(rng.choice([4, 8])), int(rng.choice([4, 8, 16]))
    stones = cv2.resize(
        plane(rng.normal(128, 7, (rows, columns))), (TILE, TILE), interpolation=cv2.INTER_NEAREST
    )
    tile = np.clip(stones + rng.normal(0, 6, (TILE, TILE)), 0, 255).astype(np.uint8)
    for index in range(rows):
        cv2.line(tile, (0, index * TILE // rows), (TILE, index * TILE // rows), 96, 3)
    for index in range(columns):
        cv2.line(tile, (index * TILE // columns, 0), (index * TILE // columns, TILE), 96, 3)
    return tile


def grass(rng: np.random.Generator) -> Image:
    """Draw a tile of brightness factors, 128 = 1."""
    tufts = rng.normal(0, 20, (TILE, TILE)) + 50 * (_wrapping_noise(rng, 32) - 0.5)
    return np.asarray(np.clip(128 + cv2.blur(tufts, (3, 5)), 0, 255), np.uint8)


def _turn(angle: float) -> NDArray[np.float64]:
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def front(rng: np.random.Generator, width: float, height: float, night: bool) -> Image:
    """Draw the front of a house.

    :param width, height: metres.
    :returns: uint8, BGR, 20 pixels a metre.
    """
    columns, rows = max(int(width * 20), 16), max(int(height * 20), 16)
    wall = np.array(_WALLS[rng.integers(len(_WALLS))]) * rng.uniform(0.75, 1.2)
    image = np.clip(wall + rng.normal(0, 5, (rows, columns, 1)), 0, 255)
    image += 22 * (fractal_noise(rng, rows, columns, 2, 3)[..., None] - 0.5)
    if rng.random() < 0.4:
        image[:: int(rng.integers(3, 6))] *= 0.88
    picture = np.clip(image, 0, 255).astype(np.uint8)
    shop = rng.random() < 0.35
    floor = rng.uniform(2.7, 3.4) * 20
    ground = rows - floor * (1.15 if shop else 0)
    _windows(rng, picture, floor, ground, night)
    if shop:
        _shop(rng, picture, int(ground), night)
    else:
        left = int(rng.uniform(0.1, 0.8) * columns)
        door = rng.uniform(20, 120, 3).tolist()
        cv2.rectangle(picture, (left, rows - 44), (left + 20, rows), door, -1)
    ledge = (wall * rng.uniform(0.6, 1.2)).tolist()
    cv2.rectangle(picture, (0, 0), (columns, int(rng.integers(4, 14))), ledge, -1)
    return picture


def _glass(rng: np.random.Generator, night: bool) -> list[float]:
    if night and rng.random() < 0.45:
        return [110.0, 190.0, 245.0]
    sky = rng.uniform(0, 1)
    return [60 + 90 * sky, 55 + 75 * sky, 50 + 60 * sky]


def _windows(
    rng: np.random.Generator, image: Image, floor: float, ground: float, night: bool
) -> None:
    bay = rng.uniform(1.8, 3.6) * 20
    wide, tall = bay * rng.uniform(0.3, 0.7), floor * rng.uniform(0.4, 0.65)
    frame = rng.choice([235, 210, 70, 40]) * np.ones(3)
    bays = max(int(image.shape[1] / bay), 1)
    margin = (image.shape[1] - bays * bay) / 2
    for row in np.arange(ground - floor * 0.8, 4, -floor):
        for index in range(bays):
            left, top = int(margin + (index + 0.5) * bay - wide / 2), int(row)
            right, bottom = int(left + wide), int(row + tall)
            if top < 4 or bottom > image.shape[0] - 6:
                continue
            cv2.rectangle(image, (left - 2, top - 2), (right + 2, bottom + 3), frame.tolist(), -1)
            cv2.rectangle(image, (left, top), (right, bottom), _glass(rng, night), -1)
            cv2.line(
                image, ((left + right) // 2, top), ((left + right) // 2, bottom), frame.tolist()
            )


def _shop(rng: np.random.Generator, image: Image, top: int, night: bool) -> None:
    rows, columns = image.shape[:2]
    color = rng.uniform(20, 220, 3)
    cv2.rectangle(image, (0, top), (columns, rows), (color * 0.5).tolist(), -1)
    for left in range(6, columns - 20, 64):
        right = min(left + 56, columns - 6)
        cv2.rectangle(image, (left, top + 18), (right, rows - 10), _glass(rng, night), -1)
    cv2.rectangle(image, (0, top), (columns, top + 14), color.tolist(), -1)
    for left in range(10, columns - 30, 22):
        if rng.random() < 0.6:
            letter = (255 - color).tolist()
            cv2.rectangle(image, (left, top + 4), (left + 12, top + 10), letter, -1)


def leaves(rng: np.random.Generator, bare: bool = False) -> Image:
    """Draw the crown of a tree.

    :param bare: a winter tree of twigs.
    :returns: uint8 (192, 192, 4), BGRA.
    """
    side = 192
    alpha = np.zeros((side, side), np.uint8)
    if bare:
        _branch(rng, alpha, np.array([96.0, 191.0]), -np.pi / 2, 46, 7)
        shade = 50 + 40 * rng.random((side, side, 1))
        return _with_alpha(shade * (0.85, 0.95, 1.0), alpha)
    light = np.zeros((side, side), np.float32)
    for _ in range(int(rng.integers(25, 45))):
        angle, reach = rng.uniform(0, 6.3), np.sqrt(rng.random()) * 0.36
        center = side * (0.5 + reach * np.array([np.cos(angle), 0.9 * np.sin(angle)]))
        radius = int(side * rng.uniform(0.05, 0.14))
        at = (int(center[0]), int(center[1]))
        cv2.circle(alpha, at, radius, 255, -1)
        bright = 0.75 + 0.5 * (1 - center[1] / side) + rng.normal(0, 0.1)
        cv2.circle(light, at, radius, float(bright), -1)
    ragged = fractal_noise(rng, side, side, 24, 2)
    rim = cv2.GaussianBlur(alpha, (0, 0), 5)
    alpha = np.where(rim * (0.45 + ragged) > 128, 255, 0).astype(np.uint8)
    green = np.array([rng.uniform(20, 60), rng.uniform(75, 125), rng.uniform(45, 110)])
    mottle = 0.55 + 0.9 * fractal_noise(rng, side, side, 20, 3)
    shade = cv2.GaussianBlur(light, (0, 0), 4) * mottle
    color = np.clip(green * shade[..., None], 0, 255)
    return _with_alpha(color, alpha)


def _with_alpha(color: NDArray[np.floating], alpha: Image) -> Image:
    return np.asarray(np.dstack([color, alpha]), np.uint8)


def _branch(
    rng: np.random.Generator,
    alpha: Image,
    start: NDArray[np.float64],
    angle: float,
    length: float,
    width: int,
) -> None:
    end = start + length * np.array([np.cos(angle), np.sin(angle)])
    a, b = (int(start[0]), int(start[1])), (int(end[0]), int(end[1]))
    cv2.line(alpha, a, b, 255, max(width, 2))
    if length < 9:
        return
    for _ in range(int(rng.integers(2, 5))):
        turned = angle + rng.normal(0, 0.55)
        _branch(rng, alpha, end, turned, length * rng.uniform(0.6, 0.85), int(width * 0.7))


def hedge(rng: np.random.Generator) -> Image:
    """Draw a clipped hedge, 256x64, BGR."""
    green = np.array([rng.uniform(20, 50), rng.uniform(60, 100), rng.uniform(35, 80)])
    shade = 0.5 + fractal_noise(rng, 64, 256, 14, 3)[..., None]
    shade *= np.linspace(1.15, 0.7, 64)[:, None, None]
    return np.asarray(np.clip(green * shade, 0, 255), np.uint8)


def fence(rng: np.random.Generator) -> Image:
    """Draw boards, a wire mesh or railings before a dim background, 256x96, BGR."""
    kind = int(rng.integers(3))
    boards = np.array([(60, 90, 130), (110, 115, 120), (70, 75, 60)][kind], np.float64)
    image = np.empty((96, 256, 3))
    image[:] = boards * rng.uniform(0.7, 1.2)
    image *= 0.85 + 0.3 * fractal_noise(rng, 96, 256, 6, 2)[..., None]
    step = (24, 12, 16)[kind]
    for left in range(0, 256, step):
        if kind == 0:
            image[:, left : left + 2] *= 0.45
        else:
            image[6:, left + 4 : left + step] = (80, 92, 90) if kind == 1 else (95, 100, 100)
    image[6:12] = boards * 0.8
    image[80:86] = boards * 0.8
    return np.clip(image, 0, 255).astype(np.uint8)


def clouds(rng: np.random.Generator, height: int, width: int, cover: float) -> NDArray[np.float32]:
    """Return the opacity of clouds, float32 (height, width) in [0, 1], flatter to the horizon."""
    noise = fractal_noise(rng, height, width, 3, 5)
    opacity = np.clip((noise - (1 - cover) * 0.75) * 3, 0, 1)
    return plane(opacity * np.linspace(1, 0.6, height)[:, None])
