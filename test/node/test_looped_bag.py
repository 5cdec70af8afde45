"""A recorded bag, played in a loop under simulated time."""

import numpy as np
from node.harness import NODE
from support.tiny_bundle import smooth_image

from flowenedet_ros.replay.bag_player import BagPlayer, PlayOptions
from flowenedet_ros.replay.bag_reader import IMAGE, BagReader
from flowenedet_ros.replay.bag_writer import BagWriter
from flowenedet_ros.replay.messages import MessageBuilder, Stamp

FRAMES, LOOPS, BEGIN_S = 20, 3, 1000.0


def write_camera(path):
    build = MessageBuilder()
    with BagWriter(path) as bag:
        for index in range(FRAMES):
            stamp = Stamp.at(BEGIN_S + index / 20, 'camera')
            cdr = build.image(smooth_image(96, 128, index), 'bgr8', stamp)
            bag.write('/cam', IMAGE, stamp.nanoseconds, cdr)
    return path


def test_ages_are_told_in_the_bag_s_time_lap_after_lap(robot, bundle, tmp_path):
    # Long for a frame of this lap, short for one of today.
    robot.start('-p', 'use_sim_time:=true', model=bundle, max_image_age=30.0)
    robot.wait_active()
    with BagReader(write_camera(tmp_path / 'bag')) as reader:
        options = PlayOptions(loops=LOOPS, clock=True)
        player = BagPlayer(robot.node, reader, {'/cam': f'{NODE}/input/image'}, options)
        robot.until(lambda: robot.hears(f'{NODE}/input/image'), 'the node to hear of the player')
        assert player.wait_for_subscriber(f'{NODE}/input/image', 60.0)
        assert player.wait_for_subscriber('/clock', 60.0)
        player.play()
    robot.until(lambda: robot.settled(FRAMES * LOOPS), 'every frame')

    assert robot.count('dropped_stale') == 0
    assert robot.count('processed') > 0
    # Where the bag begins anew, a frame may overtake the clock by a lap.
    assert -1e3 * FRAMES / 20 <= float(robot.value('age_p50_ms')) < 5e3
    assert np.isfinite(float(robot.value('age_p95_ms')))
    assert robot.levels['flowenedet', 'frames'] == 0
