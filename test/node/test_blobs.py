"""Unknown objects as connected groups of pixels."""

import numpy as np

from flowenedet_ros.node.blobs import Blob, find_blobs


def test_groups_are_found_with_box_area_and_score_of_their_own_pixels():
    mask = np.zeros((40, 60), np.uint8)
    score = np.zeros((40, 60), np.float32)
    mask[5:15, 10:30] = 255
    score[5:15, 10:30] = 0.7
    # A corner, whose box holds another object of a higher score.
    mask[20:38, 2:5] = mask[35:38, 2:40] = 255
    score[20:38, 2:5] = score[35:38, 2:40] = 0.6
    mask[22:26, 20:24] = 255
    score[22:26, 20:24] = 0.9
    mask[0, 59] = 255

    blobs = find_blobs(mask, score, min_area=16)

    assert [(b.left, b.top, b.width, b.height, b.area) for b in blobs] == [
        (10, 5, 20, 10, 200),
        (2, 20, 38, 18, 159),
        (20, 22, 4, 4, 16),
    ]
    np.testing.assert_allclose([blob.score for blob in blobs], [0.7, 0.6, 0.9], atol=1e-6)


def test_pixels_that_touch_at_a_corner_are_one_object():
    mask = np.eye(4, dtype=np.uint8) * 255
    assert find_blobs(mask, np.ones((1, 1), np.float32), 4) == [Blob(0, 0, 4, 4, 4, 1.0)]


def test_an_empty_mask_has_no_objects():
    assert find_blobs(np.zeros((8, 8), np.uint8), np.zeros((2, 2), np.float32), 1) == []
