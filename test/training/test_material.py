import cv2
import numpy as np
import pytest

from flowenedet_ros.data.classes import CAMVID_CLASSES
from flowenedet_ros.segmenters.interface import SegmenterSpec
from flowenedet_ros.training.material import FolderChoice, gather_material


@pytest.fixture
def folder(tmp_path):
    for part in ('images', 'labels'):
        (tmp_path / part).mkdir()
    for number in range(3):
        cv2.imwrite(str(tmp_path / f'images/{number}.png'), np.zeros((60, 80, 3), np.uint8))
        cv2.imwrite(str(tmp_path / f'labels/{number}.png'), np.full((60, 80), 3, np.uint8))
    return tmp_path


@pytest.mark.parametrize(('input_width', 'widths'), [(160, [80, 160]), (128, [80])])
def test_frames_are_shown_in_pairs_where_two_fit_into_the_input(folder, input_width, widths):
    spec = SegmenterSpec('any', CAMVID_CLASSES, (64, input_width), 4, None, None, None)
    choices = [FolderChoice(folder, repeats=2)]
    material = gather_material(choices, choices, [], [], spec, known=[], repaint=False)
    for sources in (material.train, material.validation):
        assert [source.samples[0].labels.shape[1] for source in sources] == widths
    assert all(source.repeats == 2 for source in material.train)


def test_a_fifth_of_the_objects_of_every_folder_is_kept_from_training(folder, tmp_path):
    cutouts = []
    for name, count in (('few', 5), ('many', 10)):
        cutouts.append(tmp_path / name)
        cutouts[-1].mkdir()
        for number in range(count):
            rgba = np.full((8, 8, 4), 255, np.uint8)
            cv2.imwrite(str(cutouts[-1] / f'{number}.png'), rgba)
    spec = SegmenterSpec('any', CAMVID_CLASSES, (64, 128), 4, None, None, None)
    choices = [FolderChoice(folder)]
    material = gather_material(choices, choices, [], cutouts, spec, known=[], repaint=False)
    assert material.identity['cutouts'][:2] == [4, 8]
