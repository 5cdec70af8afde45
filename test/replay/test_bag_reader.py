import shutil
from pathlib import Path

import pytest

from flowenedet_ros.replay.bag_reader import BagReader
from flowenedet_ros.replay.errors import ReplayError


def test_finds_the_camera_with_most_frames(camera_bag: Path) -> None:
    with BagReader(camera_bag) as bag:
        image = bag.image_topic()
        info = bag.camera_info_topic(image)
        assert image.topic == '/cam/image_raw'
        assert info is not None
        assert info.topic == '/cam/camera_info'


@pytest.mark.parametrize('name', ['/rear/image_raw/compressed', 'rear/image_raw/compressed'])
def test_takes_the_topic_that_is_named(camera_bag: Path, name: str) -> None:
    with BagReader(camera_bag) as bag:
        assert bag.image_topic(name).topic == '/rear/image_raw/compressed'


def test_unknown_topic_lists_those_that_are_there(camera_bag: Path) -> None:
    with BagReader(camera_bag) as bag, pytest.raises(ReplayError, match='/cam/image_raw') as caught:
        bag.image_topic('/front')
    assert '/front' in str(caught.value)


def test_reads_a_single_mcap_file(camera_bag: Path) -> None:
    with BagReader(camera_bag / 'camera.mcap') as bag:
        frames = list(bag.messages([bag.image_topic()]))
        decoded = bag.decode(frames[3])
    assert len(frames) == 12
    assert (decoded.height, decoded.width, decoded.encoding) == (48, 64, 'bgr8')
    assert decoded.header.stamp.nanosec == 60_000_000


def test_messages_come_in_time_order(camera_bag: Path) -> None:
    with BagReader(camera_bag) as bag:
        times = [message.time_ns for message in bag.messages()]
    assert times == sorted(times)
    assert len(times) == 29


def broken_bags(folder: Path, camera_bag: Path) -> dict[str, Path]:
    (folder / 'empty').mkdir()
    (folder / 'text.mcap').write_text('no bag')
    (folder / 'text.db3').write_text('no bag')
    (folder / 'empty.mcap').write_bytes(b'')
    (folder / 'one.bag').write_bytes(b'#ROSBAG V2.0\n')
    (folder / 'picture.png').write_bytes(b'\x89PNG')
    torn = folder / 'torn'
    shutil.copytree(camera_bag, torn)
    (torn / 'metadata.yaml').write_text('{')
    return {path.name: path for path in folder.iterdir() if path != camera_bag} | {
        'nowhere': folder / 'nowhere'
    }


def test_what_is_no_bag_is_refused_with_its_path(tmp_path: Path, camera_bag: Path) -> None:
    for name, path in broken_bags(tmp_path, camera_bag).items():
        with pytest.raises(ReplayError, match=name):
            BagReader(path)


def test_a_truncated_file_gives_an_error_not_a_crash(camera_bag: Path, tmp_path: Path) -> None:
    whole = (camera_bag / 'camera.mcap').read_bytes()
    for kept in range(0, len(whole), len(whole) // 7):
        torn = tmp_path / 'torn.mcap'
        torn.write_bytes(whole[:kept])
        with pytest.raises(ReplayError, match='torn'), BagReader(torn) as bag:
            list(bag.messages())


def test_bags_that_others_recorded(real_data: Path) -> None:
    with BagReader(real_data / 'bags' / 'test_bag_sqlite3') as bag:
        assert bag.image_topic().topic == '/test/sensor_msgs/image'
        assert len(list(bag.messages())) == 188
    with BagReader(real_data / 'bags' / 'ros2bag_tools_images') as bag:
        frames = list(bag.messages([bag.image_topic()]))
        assert [bag.decode(frame).width for frame in frames] == [2, 2, 2]
