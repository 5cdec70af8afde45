"""Pictures of single frames: what was there, what was answered, where it was doubted."""

import base64
from dataclasses import dataclass
from functools import partial
from math import isfinite
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.data.errors import DataError
from flowenedet_ros.data.folder import Sample
from flowenedet_ros.evaluation.benchmark import PartResult
from flowenedet_ros.evaluation.engine import Engine
from flowenedet_ros.evaluation.frames import enlarge, nearest
from flowenedet_ros.evaluation.idm import identity_map
from flowenedet_ros.inference.manifest import ScoreMap

Picture = NDArray[np.uint8]

_WIDTH = 560
_QUALITY = 82
_TRUTH = (255, 255, 0)
_ERROR = (43, 53, 230)


@dataclass(frozen=True)
class FrameView:
    """One frame of the report.

    :param panels: caption and JPEG data address of each picture.
    """

    name: str
    figure: str
    panels: tuple[tuple[str, str], ...]


def best_and_worst(result: PartResult, each: int = 2) -> list[tuple[str, str]]:
    """Return names of the frames with the least and the greatest AP, and how they did."""
    ranked = sorted(
        (figures['ap'], name)
        for name, figures in result.frames.items()
        if isfinite(figures.get('ap', float('nan')))
    )
    worst = ranked[:each]
    best = [item for item in ranked[::-1][:each] if item not in worst]
    return [
        *((name, f'worst, AP {100 * ap:.1f} %') for ap, name in worst),
        *((name, f'best, AP {100 * ap:.1f} %') for ap, name in best),
    ]


def view(engine: Engine, result: PartResult, name: str, figure: str, kind: str) -> FrameView | None:
    """Run one frame again and draw it; None where its picture is gone."""
    samples = result.task.samples
    try:
        sample = samples[samples.names.index(name)]
    except (DataError, ValueError):
        return None
    tensors = engine.source.run(sample.image)
    width = min(_WIDTH, sample.image.shape[1])
    shape = (round(sample.image.shape[0] * width / sample.image.shape[1]), width)
    picture = _u8(cv2.resize(sample.image, shape[::-1], interpolation=cv2.INTER_AREA))
    manifest = engine.source.manifest
    calibration = manifest.calibration
    colors = np.zeros((256, 3), np.uint8)
    for index, info in enumerate(manifest.classes):
        colors[index] = info.color[::-1]
    classes = colors[nearest(tensors.labels, shape)]
    table = getattr(result.task, 'prediction_map', identity_map())
    wrong = partial(_wrong, picture, sample, table[tensors.labels], len(manifest.classes))
    panels = [
        (
            'picture' + (', unknown outlined' if kind == 'ood' else ''),
            _truth(picture, sample, kind),
        ),
        *([] if kind == 'ood' else [('misclassified', wrong())]),
        ('classes', _u8(cv2.addWeighted(picture, 0.45, classes, 0.55, 0))),
        ('misclassification score', _heat(picture, tensors.idm, calibration.idm)),
        ('unknown-object score', _heat(picture, tensors.ood, calibration.ood)),
    ]
    return FrameView(name, figure, tuple((text, _address(drawn)) for text, drawn in panels))


def _truth(picture: Picture, sample: Sample, kind: str) -> Picture:
    if kind != 'ood':
        return picture
    unknown = (nearest(sample.labels, picture.shape[:2]) == 1).astype(np.uint8)
    outlines, _ = cv2.findContours(unknown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return _u8(cv2.drawContours(picture.copy(), outlines, -1, _TRUTH, 2))


def _wrong(picture: Picture, sample: Sample, answer: NDArray[np.uint8], classes: int) -> Picture:
    """Paint pixels red whose label is another class; darken those without a label."""
    labels = nearest(sample.labels, picture.shape[:2])
    drawn = picture.copy()
    drawn[labels >= classes] //= 3
    drawn[(labels < classes) & (labels != nearest(answer, labels.shape))] = _ERROR
    return _u8(cv2.addWeighted(picture, 0.3, drawn, 0.7, 0))


def _heat(picture: Picture, odds: NDArray[np.float32], score_map: ScoreMap) -> Picture:
    clipped = np.clip(odds * score_map.scale + score_map.offset, -50, 50)
    rate = 1 / (1 + np.exp(-clipped))
    levels = np.round(255 * enlarge(rate.astype(np.float32), picture.shape[:2])).astype(np.uint8)
    heat = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return _u8(cv2.addWeighted(grey, 0.35, heat, 0.8, 0))


def _address(picture: Picture) -> str:
    _, data = cv2.imencode('.jpg', picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return 'data:image/jpeg;base64,' + base64.b64encode(data.tobytes()).decode()


def _u8(picture: Any) -> Picture:
    return np.asarray(picture, np.uint8)
