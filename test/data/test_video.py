"""Videos and folders of pictures become frames with increasing stamps."""

import logging

import cv2
import numpy as np
import pytest

from flowenedet_ros.data.errors import DataError
from flowenedet_ros.data.video import open_video


@pytest.fixture
def pictures(tmp_path):
    for index in range(5):
        image = np.full((20, 30, 3), index * 10, np.uint8)
        cv2.imwrite(str(tmp_path / f'{index:03d}.png'), image)
    (tmp_path / 'notes.txt').write_text('no picture')
    return tmp_path


def write_video(path, frames=12, fps=8):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), fps, (64, 48))
    assert writer.isOpened()
    for index in range(frames):
        writer.write(np.full((48, 64, 3), 20 * index, np.uint8))
    writer.release()
    return path


def test_pictures_come_in_order_at_the_rate(pictures):
    frames = list(open_video(pictures, fps=4))
    assert [frame.name for frame in frames] == [f'{i:03d}.png' for i in range(5)]
    assert [frame.stamp_s for frame in frames] == [0, 0.25, 0.5, 0.75, 1.0]
    assert [int(frame.image_bgr[0, 0, 0]) for frame in frames] == [0, 10, 20, 30, 40]


def test_a_damaged_picture_is_reported_and_left_out(pictures, caplog):
    (pictures / '002.png').write_bytes(b'junk')
    with caplog.at_level(logging.WARNING):
        frames = list(open_video(pictures))
    assert [frame.stamp_s for frame in frames] == pytest.approx([0, 0.1, 0.3, 0.4])
    assert '002.png' in caplog.text


def test_a_folder_with_nothing_readable_is_an_error(pictures):
    for path in pictures.glob('*.png'):
        path.write_bytes(b'junk')
    with pytest.raises(DataError, match='none of 5 pictures'):
        list(open_video(pictures))


def test_a_video_keeps_its_rate_and_every_frame(tmp_path):
    frames = list(open_video(write_video(tmp_path / 'drive.avi')))
    assert len(frames) == 12
    assert np.diff([frame.stamp_s for frame in frames]) == pytest.approx(1 / 8, abs=0.01)
    assert frames[0].stamp_s == 0
    assert frames[5].image_bgr.shape == (48, 64, 3)
    assert abs(int(frames[5].image_bgr[20, 20, 1]) - 100) < 6


def test_a_rate_of_ones_own_wins(tmp_path):
    frames = list(open_video(write_video(tmp_path / 'drive.avi'), fps=2))
    assert np.diff([frame.stamp_s for frame in frames]) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('absent.mp4', None, 'no such file'),
        ('notes.mp4', b'not a video', 'not a video'),
        ('empty.mp4', b'', 'not a video'),
    ],
)
def test_what_is_no_video_is_named_at_once(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f'{name}: {message}'):
        open_video(tmp_path / name)


def test_an_empty_folder_and_a_senseless_rate_are_refused_at_once(tmp_path, pictures):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(DataError, match='an empty folder'):
        open_video(tmp_path / 'empty')
    with pytest.raises(DataError, match='frame rate'):
        open_video(pictures, fps=0)


def test_the_real_drive_has_all_its_frames(real_data):
    frames = [
        (frame.stamp_s, frame.image_bgr.shape)
        for frame in open_video(real_data / 'stream' / 'solidWhiteRight.mp4')
    ]
    assert len(frames) == 221
    assert {shape for _, shape in frames} == {(540, 960, 3)}
    assert np.diff([stamp for stamp, _ in frames]) == pytest.approx(1 / 25, abs=2e-3)
