import numpy as np
import pytest

from flowenedet_ros.data.classes import KNOWN, OUTLIER, VOID
from flowenedet_ros.data.composites import OutlierPaster
from flowenedet_ros.data.folder import Sample
from flowenedet_ros.data.repaint import Repainter
from flowenedet_ros.detector.loss import CORRECT, INLIER, OUTLYING, WRONG
from flowenedet_ros.training.detector_views import DetectorViews, FrameSource, targets

IDENTITY = np.arange(256, dtype=np.uint8)


@pytest.fixture
def frames():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (60, 80, 3), dtype=np.uint8)
    return [Sample(image, np.full((60, 80), 3, np.uint8), 'frame')] * 6


def test_targets_tell_right_wrong_unknown_known_and_void_apart():
    labels = np.array([[0, 0, OUTLIER, KNOWN, VOID]], np.uint8)
    predictions = np.array([[0, 1, 1, 1, 1]], np.uint8)
    labelled = targets(labels, predictions, FrameSource([], IDENTITY))
    assert labelled.tolist() == [[CORRECT, WRONG, OUTLYING, INLIER, VOID]]
    unlabelled = targets(labels, predictions, FrameSource([], IDENTITY, labelled=False))
    assert unlabelled[0, 2:].tolist() == [OUTLYING, INLIER, INLIER]


def test_merged_classes_are_no_error():
    merge = IDENTITY.copy()
    merge[7] = 3  # what the labels call 3 the segmenter splits into 3 and 7
    target = targets(
        np.full((1, 2), 3, np.uint8), np.array([[7, 5]], np.uint8), FrameSource([], merge)
    )
    assert target.tolist() == [[CORRECT, WRONG]]


def test_views_repeat_and_hold_outliers_only_where_pasted(frames):
    source = FrameSource(frames, IDENTITY, repeats=2)
    views = DetectorViews([source], (64, 96), OutlierPaster(), seed=1)
    assert len(views) == 12
    assert np.array_equal(views[5].image, views[5].image)
    assert views[0].image.shape == (64, 96, 3)
    assert any((views[i].labels == OUTLIER).any() for i in range(12))
    plain = DetectorViews([source], (64, 96), None, seed=1)
    assert not any((plain[i].labels == OUTLIER).any() for i in range(12))


def test_what_is_pasted_on_a_small_frame_is_enlarged_with_it(frames):
    source = FrameSource(frames, IDENTITY)
    views = DetectorViews([source], (240, 320), OutlierPaster(), seed=1, augment=False)
    marks = [views[number].labels for number in range(len(views))]
    assert any((labels == OUTLIER).any() for labels in marks)
    for labels in marks:
        # Outlines run along the pixels of the frame, of which each has become four by four.
        blocks = labels.reshape(60, 4, 80, 4)
        assert (blocks == blocks[:, :1, :, :1]).all()


def test_repainted_views_keep_their_labels(frames):
    source = FrameSource(frames, IDENTITY, repeats=4)
    views, plain = (
        DetectorViews([source], (60, 80), None, seed=1, repainter=repainter)
        for repainter in (Repainter([3]), None)
    )
    assert all((views[i].labels == 3).all() for i in range(len(views)))
    assert any(not np.array_equal(views[i].image, plain[i].image) for i in range(len(views)))


def test_views_without_augmentation_are_the_frames(frames):
    views = DetectorViews([FrameSource(frames, IDENTITY)], (60, 80), None, seed=1, augment=False)
    assert np.array_equal(views[2].image, frames[0].image)
