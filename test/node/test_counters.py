"""The counters' promises, whatever the order of events."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flowenedet_ros.node.counters import FATES, FrameCounters, LossCounter
from flowenedet_ros.node.frame_slot import Frame, FrameSlots
from flowenedet_ros.node.timing import STAGES, FrameTiming, TimingWindow

PERIOD = 33_000_000


@given(st.lists(st.sampled_from(sorted(FATES)), max_size=60), st.integers(0, 5))
def test_fates_add_up_to_what_was_received(fates, pending):
    counters = FrameCounters()
    for _ in range(len(fates) + pending):
        counters.receive()
    for fate in fates:
        counters.settle(fate)

    counts = counters.snapshot()

    assert counts['pending'] == pending
    done = counts['processed'] + counts['dropped'] + counts['rejected']
    assert done + pending == counts['received']
    parts = sum(counts[fate] for fate in FATES if fate.startswith('dropped'))
    assert parts == counts['dropped']


def play(loss, numbers, start):
    """Send frames of these sequence numbers, of a camera that began at `start`."""
    for number in numbers:
        loss.on_frame(number, start + (number - 1) * PERIOD)


@given(st.sets(st.integers(1, 200), min_size=2))
def test_received_and_lost_are_all_up_to_the_last_received(numbers):
    loss = LossCounter(since=0)
    loss.on_publishers(1, 1)

    play(loss, sorted(numbers), start=PERIOD)

    assert loss.lost + len(numbers) == max(numbers)


def test_what_a_camera_sent_before_the_node_was_there_is_not_lost():
    loss = LossCounter(since=10**12)
    loss.on_publishers(1, 1)

    play(loss, [1001, 1002, 1005], start=10**12 - 1000 * PERIOD)

    assert loss.lost == 2


@given(st.sets(st.integers(1, 50), min_size=2), st.sets(st.integers(1, 50), min_size=2))
def test_a_restarted_camera_is_counted_anew(first, second):
    loss = LossCounter(since=0)
    loss.on_publishers(1, 1)
    play(loss, sorted(first), start=0)
    loss.on_publishers(0, -1)
    loss.on_publishers(1, 1)

    play(loss, sorted(second), start=1000 * PERIOD)

    # Only a new camera that goes on by chance where the old one ended looks like the old one.
    if min(second) != max(first) + 1:
        assert loss.lost == max(first) - len(first) + max(second) - len(second)


def test_several_cameras_on_one_topic_are_counted_by_the_event():
    loss = LossCounter(since=0)
    loss.on_publishers(2, 2)

    play(loss, [5, 900, 6, 901], start=0)
    loss.on_lost_event(3)

    assert loss.lost == 3


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=40), st.integers(1, 4))
def test_the_newest_frame_of_each_camera_is_taken_once(steps, limit):
    slots = FrameSlots(4)
    waiting = {}
    for number, (camera, take) in enumerate(steps):
        if not take:
            replaced = slots.put(camera, Frame(number, 1, 1, 0.0))
            assert replaced == (camera in waiting)
            waiting[camera] = number
            continue
        taken = slots.take(limit)
        assert len(taken) == min(limit, len(waiting))
        for taken_from, frame in taken:
            assert waiting.pop(taken_from) == frame.message


def test_cameras_are_served_in_turn():
    slots = FrameSlots(3)
    served = []
    for _ in range(6):
        for camera in range(3):
            slots.put(camera, Frame(None, 1, 1, 0.0))
        served += [camera for camera, _ in slots.take(1)]

    assert served == [0, 1, 2, 0, 1, 2]


@given(st.lists(st.lists(st.floats(0, 1e3), min_size=6, max_size=6), min_size=1, max_size=20))
def test_stages_add_up_to_the_total(frames):
    window = TimingWindow()
    for *stages, wait in frames:
        convert, pre, backend, post, publish = stages
        window.add(FrameTiming(wait + sum(stages), convert, pre, backend, post, publish, 1.0))

    summary = window.summary()

    total = sum(summary[f'stage_{stage}_ms'] for stage in STAGES)
    np.testing.assert_allclose(total, summary['total_ms'], rtol=1e-9, atol=1e-9)
    assert summary['age_p95_ms'] == 1.0
