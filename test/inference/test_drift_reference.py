"""The reference for drift is read back as written, and frames are compared with it."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tiny_bundle import write_tiny_bundle

from flowenedet_ros.inference import BundleError
from flowenedet_ros.inference.bundle import bundled_models, find_bundle, open_bundle
from flowenedet_ros.inference.drift import (
    BINS,
    DRIFT,
    DriftMonitor,
    DriftReference,
    histogram,
    read_drift,
    stability_index,
)

FLAT = np.full(BINS, 1 / BINS)


def reference(window=4):
    return DriftReference(FLAT, FLAT, 0.25, 0.3, window, 12)


def spread(shift, size=(96, 128)):
    """Give scores whose log-odds are spread evenly from -9 to 9, and moved by `shift`."""
    odds = np.linspace(-9, 9, math.prod(size)).reshape(size) + shift
    return (1 / (1 + np.exp(-odds))).astype(np.float32)


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=200))
def test_every_score_is_counted_where_its_log_odds_are(scores):
    found = histogram(np.array(scores, np.float32))
    assert found.sum() == pytest.approx(1)
    # A score within rounding of the edge between two steps may be counted in either.
    above = [s > 0.5 for s in scores if abs(s - 0.5) > 1e-6]
    assert sum(above) <= round(found[10:].sum() * len(scores)) <= len(scores) - above.count(False)


@pytest.mark.parametrize('name', bundled_models())
def test_bundled_models_come_with_a_reference(name):
    folder = find_bundle(name)
    found = read_drift(folder, open_bundle(folder))
    assert found is not None
    assert found.idm.sum() == pytest.approx(1)
    assert found.images == open_bundle(folder).calibration.images


@pytest.fixture
def manifest(tmp_path):
    found = open_bundle(write_tiny_bundle(tmp_path / 'tiny'))
    return dataclasses.replace(found, files={**found.files, DRIFT: '0' * 64})


def test_what_is_saved_is_read(tmp_path, manifest):
    reference().save(tmp_path)
    found = read_drift(tmp_path, manifest)
    np.testing.assert_array_equal(found.ood, FLAT)
    assert (found.ood_limit, found.window, found.images) == (0.3, 4, 12)


def test_a_file_that_the_manifest_does_not_name_is_not_read(tmp_path, manifest):
    (tmp_path / DRIFT).write_bytes(b'anything')
    files = {name: digest for name, digest in manifest.files.items() if name != DRIFT}
    assert read_drift(tmp_path, dataclasses.replace(manifest, files=files)) is None


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        ({'idm': np.ones(3)}, '`idm` needs 20 shares'),
        ({'ood': np.full(BINS, np.nan)}, '`ood` needs 20 shares'),
        ({'ood_limit': -1.0}, '`ood` needs 20 shares and a positive limit'),
        ({'window': 0}, '`window` is 0'),
        ({'idm': np.array([{}], object)}, 'cannot be read'),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, manifest, content, words):
    np.savez(tmp_path / DRIFT, **vars(reference()) | content)
    with pytest.raises(BundleError, match=words):
        read_drift(tmp_path, manifest)


@pytest.mark.parametrize('data', [b'', b'no archive', b'PK\x03\x04 and no more'])
def test_a_damaged_file_is_refused(tmp_path, manifest, data):
    (tmp_path / DRIFT).write_bytes(data)
    with pytest.raises(BundleError, match='calibrate the model again'):
        read_drift(tmp_path, manifest)


def test_a_window_is_compared_when_it_is_full():
    monitor = DriftMonitor(reference(window=4), seconds=0)
    for second in range(3):
        monitor.add(spread(0), spread(0), second)
    assert math.isnan(monitor.drift().idm)
    monitor.add(spread(0), spread(0), 3)
    assert monitor.drift().idm < 0.01
    for second in range(4, 8):
        monitor.add(spread(0), spread(6), second)
    drift = monitor.drift()
    assert drift.idm < 0.01
    assert drift.ood > 1
    assert drift.frames == 4


def test_frames_of_a_window_are_spread_over_its_seconds():
    monitor = DriftMonitor(reference(window=4), seconds=10)
    taken = []
    for now in np.arange(0, 10, 0.1):
        if monitor.due(now):
            monitor.add(spread(0), spread(0), now)
            taken.append(now)
    np.testing.assert_allclose(taken, [0, 2.5, 5, 7.5], atol=0.11)


def test_large_score_maps_are_thinned_without_changing_the_answer():
    few, many = (DriftMonitor(reference(window=1), 0) for _ in range(2))
    few.add(spread(3, (64, 64)), spread(3, (4096,)), 0)
    many.add(spread(3, (512, 1024)), spread(3, (524288,)), 0)
    assert many.drift().idm == pytest.approx(few.drift().idm, rel=0.02)
    assert many.drift().ood == pytest.approx(few.drift().ood, rel=0.02)


def test_equal_histograms_do_not_differ():
    assert stability_index(FLAT, FLAT) == 0
