"""A recorded result in the rerun viewer, or in a file for it."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import rerun as rr
import rerun.blueprint as rrb
from numpy.typing import NDArray

from flowenedet_ros.data.classes import ClassInfo
from flowenedet_ros.inference.pictures import IDM_COLOR, OOD_COLOR, draw_overlay
from flowenedet_ros.replay.errors import ReplayError
from flowenedet_ros.replay.recorded import RecordedFrame
from flowenedet_ros.replay.view_frames import ViewedResults

APPLICATION = 'flowenedet_ros'
JPEG_QUALITY = 90
_MASKS = {'idm': ('misclassified', IDM_COLOR), 'ood': ('unknown object', OOD_COLOR)}


def show(results: ViewedResults, on_frame: Callable[[], object] = lambda: None) -> int:
    """Open the viewer until its window is closed; give the number of frames.

    :raises ReplayError: the viewer cannot run.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / 'view.rrd'
        frames = save(results, path, on_frame)
        # Left to itself the viewer listens to every network, and opens another one's window.
        command = [sys.executable, '-m', 'rerun', '--bind', '127.0.0.1', '--port', '0', str(path)]
        code = subprocess.run(command, check=False).returncode
    if code:
        raise ReplayError(
            f'the rerun viewer ended with exit code {code}; write a file for it with --save '
            'FILE.rrd and open that where it runs'
        )
    return frames


def save(results: ViewedResults, path: Path, on_frame: Callable[[], object] = lambda: None) -> int:
    """Write a file for the viewer; give the number of frames.

    :raises ReplayError: the file cannot be written.
    """
    recording = rr.RecordingStream(APPLICATION)
    # The SDK raises plain RuntimeErrors with the reason in words.
    try:
        recording.save(path, default_blueprint=_blueprint())
    except RuntimeError as error:
        raise ReplayError(f'{path} cannot be written: {error}') from error
    return _log(recording, results, on_frame)


def _log(
    recording: rr.RecordingStream, results: ViewedResults, on_frame: Callable[[], object]
) -> int:
    _log_names(recording, results.classes)
    frames = 0
    for frame in results.walk():
        recording.set_time('stamp', timestamp=np.datetime64(frame.stamp_ns, 'ns'))
        recording.set_time('frame', sequence=frames)
        _log_frame(recording, frame, results.classes)
        frames += 1
        on_frame()
    recording.flush()
    recording.disconnect()
    return frames


def _log_names(recording: rr.RecordingStream, classes: Sequence[ClassInfo]) -> None:
    named = [rr.AnnotationInfo(i, info.name, info.color) for i, info in enumerate(classes)]
    recording.log('segmentation', rr.AnnotationContext(named), static=True)
    for name, (meaning, color) in _MASKS.items():
        context = [
            rr.AnnotationInfo(0, 'nothing', (0, 0, 0)),
            rr.AnnotationInfo(255, meaning, color[::-1]),
        ]
        recording.log(f'{name}/mask', rr.AnnotationContext(context), static=True)
        line = rr.SeriesLines(colors=[color[::-1]], names=[f'{name.upper()} %'])
        recording.log(f'share/{name}', line, static=True)


def _log_frame(
    recording: rr.RecordingStream, frame: RecordedFrame, classes: Sequence[ClassInfo]
) -> None:
    perception = frame.perception
    overlay = draw_overlay(frame.image, perception, classes)
    recording.log('camera', _jpeg(frame.image))
    recording.log('overlay', _jpeg(overlay))
    recording.log('segmentation', rr.SegmentationImage(perception.labels))
    for name, mask, score in (
        ('idm', perception.idm_mask, perception.idm_score),
        ('ood', perception.ood_mask, perception.ood_score),
    ):
        recording.log(f'{name}/mask', rr.SegmentationImage(mask))
        recording.log(f'{name}/score', rr.Image(score, color_model='L'))
        recording.log(f'share/{name}', rr.Scalars(100.0 * float((mask > 0).mean())))


def _jpeg(picture: NDArray[np.uint8]) -> rr.EncodedImage:
    encoded, data = cv2.imencode('.jpg', picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not encoded:
        raise ReplayError(f'a picture of {picture.shape} cannot be encoded as JPEG')
    return rr.EncodedImage(contents=data.tobytes(), media_type='image/jpeg')


def _blueprint() -> rrb.Blueprint:
    def view(origin: str, name: str) -> rrb.Spatial2DView:
        return rrb.Spatial2DView(origin=origin, name=name)

    return rrb.Blueprint(
        rrb.Vertical(
            rrb.Horizontal(
                view('/overlay', 'Overlay'),
                view('/camera', 'Camera'),
                view('/segmentation', 'Segmentation'),
            ),
            rrb.Horizontal(
                view('/idm/mask', 'Misclassified (IDM)'),
                view('/idm/score', 'IDM score'),
                view('/ood/mask', 'Unknown object (OOD)'),
                view('/ood/score', 'OOD score'),
            ),
            rrb.TimeSeriesView(origin='/share', name='Share of the picture'),
            row_shares=[4, 3, 1],
        ),
        collapse_panels=True,
    )
