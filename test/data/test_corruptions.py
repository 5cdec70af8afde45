"""Corruptions repeat to the byte, depend on name and severity, and survive a broken cache."""

# ruff: noqa: NPY002  # the tests look at the global generator that the library draws from
import subprocess
import sys

import cv2
import numpy as np
import pytest

from flowenedet_ros.data.corruptions import (
    PAPER_CORRUPTIONS,
    SEVERITIES,
    STANDARD_CORRUPTIONS,
    CorruptedImages,
    corrupt,
)
from flowenedet_ros.data.errors import DataError
from flowenedet_ros.data.folder import LabelledFolder
from flowenedet_ros.data.scenes import render_sequence

pytest.importorskip('imagecorruptions', reason='imagecorruptions-imaug is not installed')

ALL = sorted({*STANDARD_CORRUPTIONS, *PAPER_CORRUPTIONS})
RANDOM = sorted(
    set(ALL)
    - {
        'defocus_blur',
        'gaussian_blur',
        'zoom_blur',
        'brightness',
        'contrast',
        'saturate',
        'pixelate',
        'jpeg_compression',
    }
)


@pytest.fixture(scope='module')
def street():
    return next(render_sequence(3, 1, 96, 160)).image


@pytest.fixture
def folder(tmp_path):
    for index, frame in enumerate(render_sequence(3, 3, 64, 96)):
        for part, array in (('images', frame.image), ('labels', frame.labels)):
            path = tmp_path / 'data' / part / f'{index}.png'
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), array)
    return LabelledFolder(tmp_path / 'data')


def test_there_are_fifteen_of_either_list():
    assert len(set(STANDARD_CORRUPTIONS)) == len(set(PAPER_CORRUPTIONS)) == 15


@pytest.mark.parametrize('corruption', ALL)
def test_the_same_request_gives_the_same_bytes_whatever_was_drawn_before(street, corruption):
    np.random.seed(1)
    first = corrupt(street, corruption, 3, 'a')
    np.random.seed(2)
    np.random.random(5)
    again = corrupt(street, corruption, 3, 'a')
    assert np.array_equal(first, again)
    assert first.shape == street.shape
    assert first.dtype == np.uint8
    assert not np.array_equal(first, street)


@pytest.mark.parametrize('corruption', RANDOM)
def test_another_picture_name_draws_anew(street, corruption):
    assert not np.array_equal(
        corrupt(street, corruption, 3, 'a'), corrupt(street, corruption, 3, 'b')
    )


@pytest.mark.parametrize('corruption', ['gaussian_noise', 'defocus_blur', 'contrast'])
def test_a_higher_severity_does_more_harm(street, corruption):
    harm = [
        np.abs(corrupt(street, corruption, severity, 'a').astype(int) - street).mean()
        for severity in SEVERITIES
    ]
    assert harm[0] < harm[2] < harm[4]


def test_the_callers_generator_and_picture_are_left_alone(street):
    before = street.copy()
    np.random.seed(5)
    expected = np.random.random(3)
    np.random.seed(5)
    corrupt(street, 'snow', 2, 'a')
    assert np.array_equal(np.random.random(3), expected)
    assert np.array_equal(street, before)


def test_channels_are_in_the_order_of_opencv():
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 2] = 200
    blurred = corrupt(red, 'gaussian_blur', 1, 'a')
    assert abs(int(blurred[32, 32, 2]) - 200) <= 1
    assert blurred[..., 0].max() <= 1


@pytest.mark.slow
def test_another_process_gives_the_same_bytes(tmp_path, street):
    np.save(tmp_path / 'street.npy', street)
    script = (
        'import sys, numpy as np\n'
        'from flowenedet_ros.data.corruptions import corrupt\n'
        'street = np.load(sys.argv[1])\n'
        'for name in ("impulse_noise", "glass_blur", "motion_blur"):\n'
        '    np.save(sys.argv[1] + name, corrupt(street, name, 4, "x"))\n'
    )
    source = str(tmp_path / 'street.npy')
    subprocess.run([sys.executable, '-c', script, source], check=True)
    for name in ('impulse_noise', 'glass_blur', 'motion_blur'):
        assert np.array_equal(np.load(f'{source}{name}.npy'), corrupt(street, name, 4, 'x'))


def test_the_cache_holds_the_same_bytes_and_heals(folder, tmp_path):
    plain = CorruptedImages(folder, 'impulse_noise', 2)
    cached = CorruptedImages(folder, 'impulse_noise', 2, tmp_path / 'cache')
    for one, two in zip(plain, cached, strict=True):
        assert np.array_equal(one.image, two.image)
        assert np.array_equal(one.labels, two.labels)
    files = sorted((tmp_path / 'cache' / 'impulse_noise' / '2').iterdir())
    assert len(files) == 3
    files[0].write_bytes(files[0].read_bytes()[:100])
    marked = cv2.imread(str(files[1]))
    marked[:] = 7
    cv2.imwrite(str(files[1]), marked)
    assert np.array_equal(cached[0].image, plain[0].image), 'a cut file is made again'
    assert (cached[1].image == 7).all(), 'a whole file is taken'


def test_a_picture_that_changed_under_its_name_is_not_taken_from_the_cache(folder, tmp_path):
    cached = CorruptedImages(folder, 'fog', 1, tmp_path / 'cache')
    first = cached[0].image
    cv2.imwrite(str(folder.pairs[0].image), np.full((64, 96, 3), 10, np.uint8))
    assert not np.array_equal(cached[0].image, first)


def test_senseless_requests_are_refused(street, folder):
    with pytest.raises(DataError, match=r"'hail'; there are: brightness"):
        corrupt(street, 'hail', 1, 'a')
    with pytest.raises(DataError, match='1 to 5, found 6'):
        CorruptedImages(folder, 'fog', 6)
    with pytest.raises(DataError, match='at least 32x32x3'):
        corrupt(street[:16], 'fog', 1, 'a')
