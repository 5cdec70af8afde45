"""Street scenes: labels agree with what is drawn, seeds decide everything, the camera moves."""

import cv2
import numpy as np
import pytest

from flowenedet_ros.data.classes import OUTLIER
from flowenedet_ros.data.errors import DataError
from flowenedet_ros.data.scenes import render_sequence
from flowenedet_ros.data.scenes.camera import NEAR, Camera, Intrinsics, clip_near
from flowenedet_ros.data.scenes.canvas import Canvas, pyramid
from flowenedet_ros.data.scenes.ground import GroundPainter
from flowenedet_ros.data.scenes.labels import CAR, PAVEMENT, ROAD, SKY, TREE
from flowenedet_ros.data.scenes.style import Street, Style, Weather, draw_style
from flowenedet_ros.data.scenes.vehicles import CAR_BODY, Vehicle

CLEAR_AIR = Weather((200, 120, 60), (200, 200, 200), 0, 0.0, (1, 1, 1), 0, 0, 0, 0, False)
STREET = Street((0, 300, 0), 4.0, 3.5, (2.0, 3.0), 1, False)
LENS = Intrinsics(320, 240, 300, 300, 160, 120)


@pytest.fixture
def canvas():
    return Canvas(Camera(LENS, (0, 1.5, 0), 0.0, np.radians(3)), STREET, CLEAR_AIR)


def last(seed, frames=4, height=240, width=320, fps=1.0):
    *_, frame = render_sequence(seed, frames, height, width, fps)
    return frame


def painted(canvas, color):
    return (canvas.image == color).all(-1)


def test_a_polygon_has_the_same_pixels_in_picture_and_labels(canvas):
    rng = np.random.default_rng(0)
    for label in range(1, 40):
        color = (label * 5, 255 - label * 5, 9)
        middle = rng.uniform((-3, 0, 0), (3, 3, 30))
        canvas.polygon(middle + rng.normal(0, 2, (3, 3)), color, label)
    for label in range(1, 40):
        color = (label * 5, 255 - label * 5, 9)
        assert np.array_equal(painted(canvas, color), canvas.labels == label)
    assert len(np.unique(canvas.labels)) > 20


def test_textures_and_sprites_have_the_same_pixels_in_picture_and_labels(canvas):
    wall = np.full((64, 64, 3), (10, 200, 30), np.uint8)
    corners = np.array([(-4.0, 3, -1), (-4, 3, 30), (-4, 0, -1)])
    canvas.textured(corners, pyramid(wall), 7)
    assert np.array_equal(painted(canvas, (10, 200, 30)), canvas.labels == 7)
    assert (canvas.labels == 7).any()
    ball = np.zeros((90, 90, 4), np.uint8)
    ball[..., :3] = (200, 10, 30)
    cv2.circle(ball, (45, 45), 40, (200, 10, 30, 255), -1)
    canvas.sprite(np.array([[0.5, 0, 8]]), 1.2, pyramid(ball), OUTLIER)
    assert np.array_equal(painted(canvas, (200, 10, 30)), canvas.labels == OUTLIER)
    rows, columns = np.nonzero(canvas.labels == OUTLIER)
    assert np.ptp(rows) + 1 == pytest.approx(1.2 * 80 / 90 * 300 / 8, abs=4)
    assert columns.mean() == pytest.approx(160 + 300 * 0.5 / 8, abs=2)


def test_a_car_is_one_piece_of_its_size_and_hides_what_is_behind(canvas):
    Vehicle(0, 20, 0, 1, CAR_BODY, (200, 40, 40)).draw(canvas, 0)
    count, _ = cv2.connectedComponents((canvas.labels == CAR).astype(np.uint8))
    assert count == 2
    rows, columns = np.nonzero(canvas.labels == CAR)
    near = 20 - CAR_BODY.length / 2
    assert np.ptp(columns) == pytest.approx(300 * CAR_BODY.width / near, rel=0.15)
    assert np.ptp(rows) == pytest.approx(300 * CAR_BODY.height / near, rel=0.2)


def test_the_ground_is_labelled_where_the_projection_says(canvas):
    style = Style(**{**vars(draw_style(np.random.default_rng(0))), 'street': STREET})
    GroundPainter(np.random.default_rng(0), style).draw(canvas, [], [])
    for u, label in (
        (0, ROAD),
        (3.9, ROAD),
        (-3.9, ROAD),
        (4.4, PAVEMENT),
        (-5.8, PAVEMENT),
        (6.8, PAVEMENT),
        (7.3, TREE),
        (-6.3, TREE),
    ):
        for z in (9, 14, 20):
            seen = canvas.camera.to_camera(STREET.points((u, 0, z)))
            ((x, y),) = canvas.camera.project(seen).round().astype(int)
            if 0 <= x < 320 and 0 <= y < 240:
                assert canvas.labels[y, x] == label, (u, z)


def test_ground_points_project_back_to_their_pixels():
    camera = Camera(LENS, (1, 1.4, 5), 0.1, np.radians(4))
    ground = camera.ground(100)
    row, column = 60, 200
    point = np.array([[ground.x[row, column], 0, ground.z[row, column]]])
    (pixel,) = camera.project(camera.to_camera(point))
    assert pixel == pytest.approx((column, row + ground.top), abs=0.02)


def test_polygons_are_cut_before_the_camera():
    ring = np.array([(-1, 0, -5), (1, 0, -5), (1, 0, 5), (-1, 0, 5)], float)
    cut = clip_near(ring)
    assert cut[:, 2].min() == pytest.approx(NEAR)
    assert len(clip_near(ring - (0, 0, 20))) == 0


def test_a_seed_decides_every_byte_and_a_longer_drive_begins_with_the_shorter():
    first = list(render_sequence(7, 3, 240, 320))
    again = list(render_sequence(7, 5, 240, 320))
    for one, two in zip(first, again, strict=False):
        assert np.array_equal(one.image, two.image)
        assert np.array_equal(one.labels, two.labels)
    other = next(render_sequence(8, 1, 240, 320))
    assert not np.array_equal(first[0].labels, other.labels)


def test_frames_have_the_promised_form():
    frames = list(render_sequence(3, 3, 120, 200, fps=4))
    assert [frame.stamp_s for frame in frames] == [0, 0.25, 0.5]
    for frame in frames:
        assert frame.image.shape == (120, 200, 3)
        assert frame.labels.shape == (120, 200)
        assert frame.image.dtype == frame.labels.dtype == np.uint8
        assert set(np.unique(frame.labels).tolist()) <= {*range(11), OUTLIER}
        assert frame.intrinsics.matrix[0, 2] == 100


def test_all_classes_and_unknown_obstacles_come_up():
    counts = np.zeros(256, np.int64)
    for seed in range(12):
        counts += np.bincount(last(seed).labels.ravel(), minlength=256)
    share = counts / counts.sum()
    assert (share[:11] > 3e-4).all(), share[:11]
    assert share[OUTLIER] > 5e-4
    assert share[ROAD] > 0.15
    assert share[SKY] > 0.05


def test_seeds_vary_light_weather_and_layout():
    frames = [last(seed, 1) for seed in range(12)]
    assert np.std([frame.image.mean() for frame in frames]) > 12
    skies = [frame.image[frame.labels == SKY].mean(0) for frame in frames]
    assert np.std(skies, axis=0).min() > 12
    assert np.std([(frame.labels == ROAD).mean() for frame in frames]) > 0.02


def test_the_camera_moves_through_the_street():
    frames = list(render_sequence(5, 9, 240, 320, fps=4))
    flow = cv2.calcOpticalFlowFarneback(
        *(cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY) for frame in frames[:2]),
        None,
        0.5,
        4,
        25,
        3,
        7,
        1.5,
        0,
    )
    left, right = np.median(flow[60:200, :80, 0]), np.median(flow[60:200, -80:, 0])
    assert left < -0.2 < 0.2 < right, 'the picture expands from the vanishing point'
    changed = np.mean(frames[0].labels != frames[8].labels)
    assert 0.05 < changed < 0.8
    small = np.mean(frames[0].labels != frames[1].labels)
    assert small < changed


def test_label_borders_lie_on_edges_of_the_picture():
    on, off = [], []
    for seed in range(4):
        frame = last(seed)
        grey = cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY).astype(np.float32)
        edge = cv2.magnitude(cv2.Sobel(grey, -1, 1, 0), cv2.Sobel(grey, -1, 0, 1))
        border = cv2.morphologyEx(frame.labels, cv2.MORPH_GRADIENT, np.ones((3, 3))) > 0
        on.append(edge[border].mean())
        off.append(edge[~border].mean())
    assert np.mean(on) > 2.5 * np.mean(off)


@pytest.mark.parametrize(('height', 'width'), [(64, 64), (360, 480), (100, 400), (400, 120)])
def test_any_size_is_drawn(height, width):
    assert last(1, 2, height, width).labels.shape == (height, width)


@pytest.mark.parametrize('arguments', [(0, 3, 10, 640), (0, -1), (0, 1, 480, 640, 0.0), (-1, 1)])
def test_senseless_requests_are_refused_at_once(arguments):
    with pytest.raises(DataError, match='expected at least 64x64'):
        render_sequence(*arguments)
