from pathlib import Path

from rosbags.typesys import Stores, get_typestore

from flowenedet_ros.replay.bag_reader import STRING, BagReader
from flowenedet_ros.replay.messages import MessageBuilder
from flowenedet_ros.replay.resumable_bag import Channel, ResumableBag

JAZZY = get_typestore(Stores.ROS2_JAZZY)
DEFINITION, _ = JAZZY.generate_msgdef(STRING, ros_version=2)
CHANNELS = {'/t': Channel('/t', STRING, DEFINITION, JAZZY.hash_rihs01(STRING))}
IDENTITY = {'input': 'a'}


def times(path: Path) -> list[int]:
    with BagReader(path) as bag:
        assert bag.message_count == len(list(bag.messages()))
        return [message.time_ns for message in bag.messages()]


def test_files_add_up_to_one_bag(tmp_path: Path) -> None:
    build = MessageBuilder()
    for position in (1, 2, 3):
        bag = ResumableBag(tmp_path / 'out', CHANNELS, IDENTITY)
        assert bag.position == position - 1
        bag.write('/t', 100 * position, build.string(f'{position}'))
        bag.commit(position, {'done': position}, complete=position == 3)
        assert times(tmp_path / 'out') == [100, 200, 300][:position]
    again = ResumableBag(tmp_path / 'out', CHANNELS, IDENTITY)
    assert (again.position, again.complete, again.notes) == (3, True, {'done': 3})


def test_progress_without_messages_makes_no_file(tmp_path: Path) -> None:
    bag = ResumableBag(tmp_path / 'out', CHANNELS, IDENTITY)
    bag.write('/t', 1, MessageBuilder().string('x'))
    for position in (1, 1, 1):
        bag.commit(position, {})
    assert len(list((tmp_path / 'out').glob('*.mcap'))) == 1
    assert times(tmp_path / 'out') == [1]


def test_an_abandoned_file_leaves_the_finished_ones(tmp_path: Path) -> None:
    build = MessageBuilder()
    bag = ResumableBag(tmp_path / 'out', CHANNELS, IDENTITY)
    bag.write('/t', 1, build.string('kept'))
    bag.commit(1, {})
    bag.write('/t', 2, build.string('lost'))
    bag.abandon()
    assert times(tmp_path / 'out') == [1]
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == [
        'metadata.yaml',
        'out_0.mcap',
    ]


def test_an_empty_bag_is_a_bag(tmp_path: Path) -> None:
    ResumableBag(tmp_path / 'out', CHANNELS, IDENTITY).commit(0, {}, complete=True)
    assert times(tmp_path / 'out') == []
