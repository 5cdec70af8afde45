"""A recorded result becomes a video and a file for the viewer, with all that was recorded."""

from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tiny_bundle import smooth_image, write_tiny_bundle

from flowenedet_ros.inference import load_bundle
from flowenedet_ros.inference.pictures import draw_overlay
from flowenedet_ros.replay.bag_reader import IMAGE, BagReader
from flowenedet_ros.replay.bag_writer import BagWriter
from flowenedet_ros.replay.errors import ReplayError
from flowenedet_ros.replay.messages import MessageBuilder, Stamp
from flowenedet_ros.replay.offline import OfflineRun
from flowenedet_ros.replay.view_frames import ViewedResults
from flowenedet_ros.replay.view_video import LONGEST_STILL_S, frames_per_second, write_video

# Tenths of a second at which there are frames: one is missing, and before the last are many.
MOMENTS = (0, 1, 2, 4, 5, 6, 200)
SIZE = 75, 101


@pytest.fixture(scope='module')
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a processed bag of a 10 Hz camera with gaps."""
    folder = tmp_path_factory.mktemp('view')
    build = MessageBuilder()
    with BagWriter(folder / 'in') as bag:
        for moment in MOMENTS:
            stamp = Stamp.at(5 + moment / 10, 'camera')
            cdr = build.image(smooth_image(*SIZE, moment), 'bgr8', stamp)
            bag.write('/cam/image_raw', IMAGE, stamp.nanoseconds, cdr)
    bundle = write_tiny_bundle(folder / 'tiny')
    with BagReader(folder / 'in') as reader, load_bundle(bundle, 'onnxruntime') as model:
        OfflineRun(reader, folder / 'out', model).run()
    return folder / 'out'


@pytest.fixture(scope='module')
def results(bag: Path) -> ViewedResults:
    return ViewedResults(bag)


def test_every_frame_is_walked_through_in_turn(results: ViewedResults) -> None:
    walked = list(results.walk())
    assert [frame.stamp_ns for frame in walked] == results.stamps
    assert len(walked) == len(MOMENTS)
    for one, other in zip(walked, results.frames(results.stamps), strict=True):
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.perception.ood_score, other.perception.ood_score)


def test_the_video_shows_each_frame_as_long_as_it_was_the_newest(
    results: ViewedResults, tmp_path: Path
) -> None:
    seen: list[None] = []
    count = write_video(results, tmp_path / 'view.mp4', lambda: seen.append(None))
    assert len(seen) == len(MOMENTS)

    video = cv2.VideoCapture(str(tmp_path / 'view.mp4'))
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(10)
    pictures = []
    while (read := video.read())[0]:
        pictures.append(read[1])
    still = round(LONGEST_STILL_S * 10)
    expected = [0, 1, 2, 2, 3, 4, *[5] * still, 6]
    assert count == len(pictures) == len(expected)
    # An even number of pixels in both directions, as the codec wants it.
    assert {picture.shape for picture in pictures} == {(74, 100, 3)}
    overlays = [
        cv2.resize(draw_overlay(frame.image, frame.perception, results.classes), (100, 74))
        for frame in results.walk()
    ]
    assert [_most_like(picture, overlays) for picture in pictures] == expected


def _most_like(picture: np.ndarray, overlays: list[np.ndarray]) -> int:
    return int(np.argmin([cv2.norm(picture, overlay) for overlay in overlays]))


@given(st.integers(2, 50), st.integers(2, 50), st.integers(0, 3))
def test_gaps_do_not_change_the_rate(hertz: int, frames: int, gaps: int) -> None:
    stamps = [round(index * 1e9 / hertz) for index in range(frames * 4)]
    kept = [stamp for index, stamp in enumerate(stamps) if index % 4 or index // 4 >= gaps]
    assert frames_per_second(kept) == pytest.approx(hertz, rel=0.01)


def test_a_rate_that_no_video_has_is_kept_in_bounds() -> None:
    assert frames_per_second([7]) == 1
    assert frames_per_second([0, 10**12]) == 1
    assert frames_per_second([0, 1, 2]) == 100


def test_other_files_than_mp4_are_refused(results: ViewedResults, tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match=r'ends in \.mp4'):
        write_video(results, tmp_path / 'view.avi')


def test_the_file_for_the_viewer_holds_what_was_recorded(
    results: ViewedResults, tmp_path: Path
) -> None:
    pytest.importorskip('rerun')
    from rerun.chunk import RrdReader

    from flowenedet_ros.replay.view_rerun import save

    assert save(results, tmp_path / 'view.rrd') == len(MOMENTS)

    reader = RrdReader(tmp_path / 'view.rrd')
    assert len(reader.blueprints()) == 1
    stored: dict[str, dict[int, bytes]] = defaultdict(dict)
    for chunk in reader.stream().to_chunks():
        batch = chunk.to_record_batch()
        names = [name for name in batch.schema.names if name.endswith((':buffer', ':blob'))]
        if names and not chunk.is_static:
            stamps = batch.column('stamp').cast('int64').to_pylist()
            contents = (bytes(rows[0]) for rows in batch.column(names[0]).to_pylist())
            stored[chunk.entity_path] |= dict(zip(stamps, contents, strict=True))
    for frame in results.walk():
        at = {path: contents[frame.stamp_ns] for path, contents in stored.items()}
        perception = frame.perception
        assert at['/segmentation'] == perception.labels.tobytes()
        assert at['/idm/mask'] == perception.idm_mask.tobytes()
        assert at['/ood/mask'] == perception.ood_mask.tobytes()
        assert at['/idm/score'] == perception.idm_score.tobytes()
        assert at['/ood/score'] == perception.ood_score.tobytes()
        camera = cv2.imdecode(np.frombuffer(at['/camera'], np.uint8), cv2.IMREAD_COLOR)
        assert cv2.PSNR(camera, frame.image) > 30
        overlay = cv2.imdecode(np.frombuffer(at['/overlay'], np.uint8), cv2.IMREAD_COLOR)
        assert overlay.shape == frame.image.shape


def test_a_file_that_cannot_be_written_is_said(results: ViewedResults, tmp_path: Path) -> None:
    pytest.importorskip('rerun')
    from flowenedet_ros.replay.view_rerun import save

    (tmp_path / 'taken.rrd').mkdir()
    with pytest.raises(ReplayError, match='cannot be written'):
        save(results, tmp_path / 'taken.rrd')
