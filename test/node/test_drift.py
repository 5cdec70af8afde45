"""The node says when its camera shows other scores than the model was calibrated on."""

import hashlib

import cv2
import numpy as np
import pytest
import yaml
from node.harness import NODE, image
from std_msgs.msg import Float64
from support.tiny_bundle import smooth_image, write_tiny_bundle

from flowenedet_ros.calibration.drift import drift_reference
from flowenedet_ros.inference import load_bundle
from flowenedet_ros.inference.drift import histogram

OK, WARN = 0, 1
SIZE = 120, 160
IMAGES = 12
WINDOW = IMAGES // 2


@pytest.fixture(scope='module')
def calibrated(tmp_path_factory):
    """Give a bundle with a reference of its own scores on smooth pictures."""
    folder = write_tiny_bundle(tmp_path_factory.mktemp('models') / 'calibrated')
    with load_bundle(folder, 'onnxruntime', 'fp32') as model:
        runs = [model.run(smooth_image(*SIZE, seed)) for seed in range(IMAGES)]
    idm, ood = ([histogram(getattr(run, name)) for run in runs] for name in SCORES)
    drift_reference(idm, ood).save(folder)
    manifest = yaml.safe_load((folder / 'model.yaml').read_text())
    digest = hashlib.sha256((folder / 'drift.npz').read_bytes()).hexdigest()
    manifest['files']['drift.npz'] = digest
    (folder / 'model.yaml').write_text(yaml.safe_dump(manifest))
    return folder


SCORES = ('idm_score', 'ood_score')


class Watched:
    """A node and its camera."""

    def __init__(self, robot, **parameters):
        self.robot = robot
        # Before the node is there: it sends nothing to a listener that it has not found yet.
        topic = f'{NODE}/debug/processing_time_ms'
        robot.listen(topic, Float64)
        self.times = robot.heard[topic]
        robot.start(drift_window=0.0, **parameters)
        robot.wait_active()
        self.camera = robot.camera()
        robot.wait_for_listeners()

    def show(self, pictures):
        """Send pictures one by one, then wait for a report on all of them."""
        for pixels in pictures:
            done = len(self.times) + 1
            self.camera.publish(image(stamp=done, pixels=pixels))
            self.robot.until(lambda done=done: len(self.times) == done, f'frame {done}')
        reports = len(self.robot.heard['/diagnostics'])
        self.robot.until(lambda: len(self.robot.heard['/diagnostics']) > reports + 1, 'a report')

    @property
    def level(self):
        return self.robot.levels['flowenedet', 'drift']

    @property
    def message(self):
        return self.robot.messages['flowenedet', 'drift']


def calm(frames=WINDOW):
    return [smooth_image(*SIZE, seed) for seed in range(frames)]


def noise(frames=WINDOW):
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (*SIZE, 3), np.uint8) for _ in range(frames)]


def test_other_pictures_are_warned_of_and_usual_ones_are_not(robot, calibrated):
    watched = Watched(robot, model=calibrated)
    watched.show(calm(2))
    assert (watched.level, watched.message) == (OK, f'2 of {WINDOW} frames for a comparison')

    watched.show(calm())
    assert (watched.level, watched.message) == (
        OK, 'scores are distributed as on the calibration images',
    )  # fmt: skip
    assert 0 <= float(robot.value('drift_ood')) < float(robot.value('drift_ood_limit'))

    watched.show(noise())
    assert watched.level == WARN
    found, limit = robot.value('drift_ood'), robot.value('drift_ood_limit')
    assert float(found) > float(limit)
    assert f'stability index {found}, limit {limit}' in watched.message

    watched.show(calm())
    assert watched.level == OK


def test_the_limit_can_be_raised(robot, calibrated):
    watched = Watched(robot, model=calibrated, drift_tolerance=1000.0)
    watched.show(noise())
    assert watched.level == OK
    assert float(robot.value('drift_ood_limit')) >= 250


def test_watching_can_be_turned_off(robot, calibrated):
    watched = Watched(robot, model=calibrated, drift_tolerance=0.0)
    watched.show(noise())
    assert (watched.level, watched.message) == (OK, 'drift is not watched')


def test_a_model_without_a_reference_is_said_to_have_none(robot, bundle):
    watched = Watched(robot, model=bundle)
    watched.show(noise())
    assert (watched.level, watched.message) == (OK, 'not calibrated for drift')


def test_what_an_ego_mask_covers_does_not_count(robot, calibrated, tmp_path):
    mask = np.zeros(SIZE, np.uint8)
    mask[60:] = 255
    cv2.imwrite(str(tmp_path / 'ego.png'), mask)
    watched = Watched(robot, model=calibrated, ego_masks=f'["{tmp_path / "ego.png"}"]')
    pictures = calm()
    # Some rows above the edge are calm too, as the network looks further than one pixel.
    for picture, noisy in zip(pictures, noise(), strict=True):
        picture[70:] = noisy[70:]
    watched.show(pictures)
    assert watched.level == OK, watched.message


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_bundled_model_knows_roads_from_a_broken_camera(robot, real_data):
    files = sorted((real_data / 'camvid' / 'val' / 'images').glob('*'))[::4][:25]
    roads = [cv2.imread(str(file)) for file in files]
    watched = Watched(robot, model='camvid_deeplabv3plus', self_test='false', warm_up_runs=0)
    watched.show(roads)
    assert watched.level == OK, watched.message
    random = np.random.default_rng(0)
    watched.show([random.integers(0, 256, road.shape, np.uint8) for road in roads])
    assert watched.level == WARN
    for score in ('IDM', 'OOD'):
        assert f'{score} scores are distributed otherwise' in watched.message
