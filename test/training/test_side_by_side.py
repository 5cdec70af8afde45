import numpy as np

from flowenedet_ros.data.folder import Sample
from flowenedet_ros.training.side_by_side import SideBySide


def sample(number, height=6, width=8):
    image = np.full((height, width, 3), number, np.uint8)
    return Sample(image, np.full((height, width), number, np.uint8), str(number))


def test_every_frame_is_shown_once_at_the_left_beside_another():
    pairs = SideBySide([sample(number) for number in range(7)])
    assert len(pairs) == 7
    for number in range(7):
        pair = pairs[number]
        assert pair.image.shape == (6, 16, 3)
        assert pair.labels.shape == (6, 16)
        assert (pair.labels[:, :8] == number).all()
        assert (pair.labels[:, 8:] != number).all()
        assert np.array_equal(pair.image[..., 0], pair.labels)


def test_a_frame_of_another_height_is_not_cut():
    pair = SideBySide([sample(0), sample(1, height=4)])[0]
    assert pair.labels.shape == (6, 16)
    assert (pair.labels == 0).all()


def test_a_single_frame_stands_beside_itself():
    assert SideBySide([sample(3)])[0].labels.shape == (6, 16)
