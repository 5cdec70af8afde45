"""One picture that shows what a replay did: camera, segmentation, IDM and OOD side by side."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.data.classes import ClassInfo
from flowenedet_ros.inference.pictures import (
    IDM_COLOR,
    OOD_COLOR,
    colorize_score,
    draw_overlay,
)
from flowenedet_ros.replay.errors import ReplayError
from flowenedet_ros.replay.recorded import RecordedFrame, RecordedResults

HEADINGS = ('camera', 'segmentation', 'misclassified (IDM)', 'unknown object (OOD)')
CELL_WIDTH = 400
GAP = 6
HEADING_HEIGHT = 30
BACKGROUND = 24


def write_contact_sheet(results: RecordedResults, path: Path, rows: int = 5) -> int:
    """Draw evenly spaced frames of a recording as PNG; give how many there are in the picture.

    :raises ReplayError: there is no whole frame to show, or the file cannot be written.
    """
    frames = results.frames(_spread(results.stamps, rows))
    if not frames:
        raise ReplayError(f'{results.path} has no frame with all results: nothing to show')
    first = results.stamps[0]
    strips = [_row(frame, results.classes, (frame.stamp_ns - first) / 1e9) for frame in frames]
    sheet = np.vstack([_headings(strips[0].shape[1]), *strips])
    encoded, data = cv2.imencode('.png', sheet)
    if not encoded:
        raise ReplayError(f'the contact sheet {path} cannot be encoded')
    path.write_bytes(data.tobytes())
    return len(strips)


def _spread(stamps: Sequence[int], count: int) -> list[int]:
    places = np.linspace(0, len(stamps) - 1, min(count, len(stamps))).round().astype(int)
    return [stamps[place] for place in places]


def _row(frame: RecordedFrame, classes: Sequence[ClassInfo], seconds: float) -> NDArray[np.uint8]:
    height = round(CELL_WIDTH * frame.image.shape[0] / frame.image.shape[1])
    size = (CELL_WIDTH, height)
    camera = np.asarray(cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA), np.uint8)
    overlay = draw_overlay(camera, frame.perception, classes)
    idm = _score(frame.perception.idm_score, frame.perception.idm_mask, IDM_COLOR, size)
    ood = _score(frame.perception.ood_score, frame.perception.ood_mask, OOD_COLOR, size)
    _write(camera, f'{seconds:.1f} s', (8, height - 10))
    return _side_by_side([camera, overlay, idm, ood])


def _score(
    score: NDArray[np.float32],
    mask: NDArray[np.uint8],
    color: tuple[int, int, int],
    size: tuple[int, int],
) -> NDArray[np.uint8]:
    picture = cv2.resize(colorize_score(score), size, interpolation=cv2.INTER_NEAREST)
    outlined = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(outlined, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, contours, -1, color, 1)
    return np.asarray(picture, np.uint8)


def _side_by_side(cells: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    height = cells[0].shape[0] + GAP
    strip = np.full((height, len(cells) * (CELL_WIDTH + GAP) + GAP, 3), BACKGROUND, np.uint8)
    for index, cell in enumerate(cells):
        left = GAP + index * (CELL_WIDTH + GAP)
        strip[: cell.shape[0], left : left + CELL_WIDTH] = cell
    return strip


def _headings(width: int) -> NDArray[np.uint8]:
    strip = np.full((HEADING_HEIGHT, width, 3), BACKGROUND, np.uint8)
    for index, heading in enumerate(HEADINGS):
        _write(strip, heading, (GAP + index * (CELL_WIDTH + GAP), HEADING_HEIGHT - 10))
    return strip


def _write(picture: NDArray[np.uint8], text: str, corner: tuple[int, int]) -> None:
    # A shadow of the same thickness: a thicker one has wider letters.
    for color, shift in (((0, 0, 0), 1), ((255, 255, 255), 0)):
        origin = corner[0] + shift, corner[1] + shift
        cv2.putText(picture, text, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.55, color, 1, cv2.LINE_AA)
