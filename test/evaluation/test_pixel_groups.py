"""Counting groups of pixels, whichever of them is the largest."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from flowenedet_ros.evaluation.histogram import BINS, NO_NUMBER, key_counts
from flowenedet_ros.evaluation.pixel_groups import PixelGroups


@settings(max_examples=40)
@given(
    arrays(np.uint8, (6, 7), elements=st.integers(0, 3)),
    arrays(np.uint16, (6, 7), elements=st.integers(0, int(NO_NUMBER) - 1)),
)
def test_every_group_is_counted_as_by_itself(labels, keys):
    # 3 is in no group, so that any of the groups or none can be the largest.
    masks = {name: labels == index for index, name in enumerate(('a', 'b', 'c'))}
    groups = PixelGroups(masks)
    found = groups.counts(keys)
    assert list(found) == ['a', 'b', 'c']
    for name, mask in masks.items():
        assert groups.sizes[name] == mask.sum()
        assert (found[name] == np.bincount(keys[mask], minlength=BINS)).all(), name


def test_keys_are_counted_in_any_shape():
    keys = np.array([[0, 1], [1, BINS - 1]], np.uint16)
    for shaped in (keys, keys.ravel(), keys.T):
        counts = key_counts(shaped)
        assert counts[[0, 1, BINS - 1]].tolist() == [1, 2, 1]
        assert counts.sum() == 4
