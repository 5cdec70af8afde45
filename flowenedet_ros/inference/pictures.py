"""Perceptions as pictures for people."""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.data.classes import ClassInfo
from flowenedet_ros.inference.perception import Perception

Picture = NDArray[np.uint8]

CLASS_SHARE = 0.45
OOD_SHARE = 0.55
# BGR; no road class uses a colour like these two.
IDM_COLOR = (0, 220, 255)
OOD_COLOR = (200, 0, 255)
HATCH_PERIOD, HATCH_WIDTH = 10, 3
LEGEND_ROW, LEGEND_SWATCH = 18, 12


def colorize_labels(labels: NDArray[np.uint8], classes: Sequence[ClassInfo]) -> Picture:
    """Paint a label map in its class colours, BGR; ids without a class are black."""
    table = np.zeros((256, 1, 3), np.uint8)
    for index, info in enumerate(classes):
        table[index, 0] = info.color[::-1]
    return np.asarray(cv2.applyColorMap(labels, table), np.uint8)


def colorize_score(score: NDArray[np.float32]) -> Picture:
    """Paint a score in [0, 1] from dark blue to yellow, BGR."""
    levels = np.rint(np.nan_to_num(score).clip(0.0, 1.0) * 255.0).astype(np.uint8)
    return np.asarray(cv2.applyColorMap(levels, cv2.COLORMAP_CIVIDIS), np.uint8)


def draw_overlay(
    image: Picture, perception: Perception, classes: Sequence[ClassInfo], legend: bool = True
) -> Picture:
    """
    Draw a perception over its camera image.

    Class colours shine through, probably wrong pixels (IDM) are hatched, unknown objects (OOD)
    are filled and outlined.

    :param image: BGR (H, W, 3); the perception is stretched to it.
    :param legend: list the classes in view and the shares of IDM and OOD pixels.
    :returns: a new BGR picture of the same size.
    """
    size = (image.shape[1], image.shape[0])
    labels, idm, ood = (
        np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)
        for plane in (perception.labels, perception.idm_mask, perception.ood_mask)
    )
    colors = colorize_labels(labels, classes)
    blended = cv2.addWeighted(image, 1.0 - CLASS_SHARE, colors, CLASS_SHARE, 0.0)
    picture = np.asarray(blended, np.uint8)
    hatched = cv2.bitwise_and(idm, _hatch(image.shape[0], image.shape[1]))
    cv2.copyTo(_plain(picture, IDM_COLOR), hatched, picture)
    filled = cv2.addWeighted(picture, 1.0 - OOD_SHARE, _plain(picture, OOD_COLOR), OOD_SHARE, 0.0)
    cv2.copyTo(filled, ood, picture)
    outlines, _ = cv2.findContours(ood, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, outlines, -1, OOD_COLOR, 2)
    if legend:
        _draw_legend(picture, labels, idm, ood, classes)
    return picture


@lru_cache(maxsize=4)
def _hatch(height: int, width: int) -> NDArray[np.uint8]:
    diagonal = np.arange(height)[:, None] + np.arange(width)[None, :]
    return np.where(diagonal % HATCH_PERIOD < HATCH_WIDTH, np.uint8(255), np.uint8(0))


def _plain(like: Picture, color: tuple[int, int, int]) -> Picture:
    return np.full_like(like, color)


def _draw_legend(
    picture: Picture, labels: Picture, idm: Picture, ood: Picture, classes: Sequence[ClassInfo]
) -> None:
    shares = np.bincount(labels.ravel(), minlength=256) / labels.size
    entries = [
        (f'IDM {100.0 * float((idm > 0).mean()):.1f} %', IDM_COLOR),
        (f'OOD {100.0 * float((ood > 0).mean()):.1f} %', OOD_COLOR),
    ]
    # Largest first, as many as fit; a class under a thousandth of the picture is not worth a row.
    for index in sorted(range(len(classes)), key=lambda index: -shares[index]):
        if shares[index] > 0.001:
            entries.append((classes[index].name, classes[index].color[::-1]))
    rows = max(1, (picture.shape[0] - 8) // LEGEND_ROW)
    entries = entries[:rows]
    corner = np.s_[: LEGEND_ROW * len(entries) + 6, :132]
    picture[corner] = (picture[corner] * 0.35).astype(np.uint8)
    for row, (text, color) in enumerate(entries):
        top = 4 + row * LEGEND_ROW
        box = (6, top), (6 + LEGEND_SWATCH, top + LEGEND_SWATCH)
        cv2.rectangle(picture, *box, color, cv2.FILLED)
        cv2.putText(
            picture,
            text,
            (24, top + LEGEND_SWATCH - 1),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.42,
            (255, 255, 255),
            1,
            cv2.LINE_AA,
        )
