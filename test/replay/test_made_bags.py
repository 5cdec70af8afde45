from pathlib import Path

import cv2
import numpy as np
import pytest

from flowenedet_ros.data.errors import DataError
from flowenedet_ros.data.scenes import render_sequence
from flowenedet_ros.replay.bag_reader import BagReader
from flowenedet_ros.replay.bag_writer import BagWriter
from flowenedet_ros.replay.camera_images import camera_bgr
from flowenedet_ros.replay.errors import ReplayError
from flowenedet_ros.replay.messages import header_stamp_ns
from flowenedet_ros.replay.scene_bag import SceneBagOptions, write_scene_bag
from flowenedet_ros.replay.video_bag import write_video_bag


def test_scene_bag_holds_the_rendered_drive_and_its_camera(tmp_path: Path) -> None:
    options = SceneBagOptions(seed=3, frames=3, height=96, width=128, fps=5.0)
    write_scene_bag(tmp_path / 'scenes', options)
    scenes = list(render_sequence(3, 3, 96, 128, 5.0))
    with BagReader(tmp_path / 'scenes') as bag:
        image = bag.image_topic()
        info = bag.camera_info_topic(image)
        assert info is not None
        frames = list(bag.messages([image]))
        infos = [bag.decode(message) for message in bag.messages([info])]
        pictures = [camera_bgr(bag.decode(message)) for message in frames]
    for scene, frame, picture, camera in zip(scenes, frames, pictures, infos, strict=True):
        assert np.array_equal(picture, scene.image)
        assert header_stamp_ns(frame.cdr) == frame.time_ns == round(scene.stamp_s * 1e9)
        assert np.array_equal(np.reshape(camera.k, (3, 3)), scene.intrinsics.matrix)
        assert (camera.height, camera.width) == (96, 128)


def test_video_bag_is_a_jpeg_camera_at_the_video_s_pace(tmp_path: Path) -> None:
    folder = tmp_path / 'pictures'
    folder.mkdir()
    gradient = np.tile(np.arange(0, 240, dtype=np.uint8), (120, 1))
    for index in range(4):
        picture = np.dstack([gradient, gradient, np.full_like(gradient, 60 * index)])
        cv2.imwrite(str(folder / f'{index}.png'), picture)
    write_video_bag(folder, tmp_path / 'bag')
    with BagReader(tmp_path / 'bag') as bag:
        messages = list(bag.messages([bag.image_topic()]))
        pictures = [camera_bgr(bag.decode(message)) for message in messages]
    assert [message.time_ns for message in messages] == [0, 10**8, 2 * 10**8, 3 * 10**8]
    for index, picture in enumerate(pictures):
        assert abs(float(picture[..., 2].mean()) - 60 * index) < 3


def test_real_video(real_data: Path, tmp_path: Path) -> None:
    write_video_bag(real_data / 'stream' / 'solidWhiteRight.mp4', tmp_path / 'bag')
    with BagReader(tmp_path / 'bag') as bag:
        image = bag.image_topic()
        first = camera_bgr(bag.decode(next(bag.messages([image]))))
    assert image.msgcount == 221
    assert first.shape == (540, 960, 3)


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'empty').mkdir()
    for name in ('nowhere.mp4', 'empty'):
        with pytest.raises(DataError, match=name):
            write_video_bag(tmp_path / name, tmp_path / 'bag')


def test_a_bag_is_never_overwritten(camera_bag: Path) -> None:
    before = {path.name: path.read_bytes() for path in camera_bag.iterdir()}
    with pytest.raises(ReplayError, match='exists'):
        BagWriter(camera_bag)
    assert {path.name: path.read_bytes() for path in camera_bag.iterdir()} == before
