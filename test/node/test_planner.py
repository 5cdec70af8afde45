"""The planner outputs, read as the Nav2 semantic segmentation layer reads them."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from node.harness import NODE, image
from sensor_msgs.msg import Image
from support.tiny_bundle import CLASSES

from flowenedet_ros.data.classes import CAMVID_CLASSES
from flowenedet_ros.inference.manifest import PlannerClasses
from flowenedet_ros.inference.perception import Perception
from flowenedet_ros.node.planner import planner_confidence, planner_mask

COSTMAP = Path(__file__).resolve().parents[2] / 'config' / 'costmap.yaml'
IDS = PlannerClasses(uncertain=253, unknown_obstacle=254)
CLASS_MAP = dict(enumerate(CLASSES)) | {
    253: 'uncertain',
    254: 'unknown_obstacle',
}


def layer_reads(mask, confidence, class_map):
    """
    Give the (class name, confidence) of each pixel, by the layer's rules.

    It checks neither encoding nor step: the byte at v * width + u is the id, the byte at the same
    place of the confidence image its confidence; an id outside the class map is skipped.
    """
    pixels = {}
    for v in range(mask.height):
        for u in range(mask.width):
            place = v * mask.width + u
            if mask.data[place] in class_map:
                pixels[v, u] = class_map[mask.data[place]], confidence.data[place]
    return pixels


def tile_takes(pixels, max_cost, use_cost_selection):
    """Give the class that one costmap tile keeps of the pixels that fall on it."""
    if use_cost_selection:
        return max(pixels, key=lambda pixel: max_cost[pixel[0]])[0]
    return max(pixels, key=lambda pixel: pixel[1])[0]


def costs():
    """Give the max_cost of each class in the shipped costmap."""
    layer = yaml.safe_load(COSTMAP.read_text())['local_costmap']['local_costmap']
    source = layer['ros__parameters']['semantic_segmentation_layer']['front']
    return {
        name: source[kind]['max_cost']
        for kind in source['class_types']
        for name in source[kind]['classes']
    }


def test_the_layer_finds_every_pixel_and_its_confidence(robot, bundle):
    robot.start(model=bundle)
    names = ('planner_mask', 'planner_confidence', 'segmentation', 'ood_mask', 'idm_mask')
    topics = [f'{NODE}/output/{name}' for name in names]
    for topic in topics:
        robot.listen(topic, Image)
    robot.wait_active()
    camera = robot.camera()
    robot.wait_for_listeners()
    camera.publish(image(6, seed=4))
    robot.until(lambda: all(robot.heard[topic] for topic in topics), 'the planner outputs')
    mask, confidence, labels, ood, idm = (robot.heard[topic][0] for topic in topics)

    assert mask.encoding == confidence.encoding == 'mono8'
    assert mask.step == mask.width == confidence.step
    assert mask.header == confidence.header
    assert mask.header.stamp.sec == 6
    pixels = layer_reads(mask, confidence, CLASS_MAP)
    assert len(pixels) == mask.height * mask.width
    for (v, u), (name, _) in pixels.items():
        place = v * mask.width + u
        if ood.data[place]:
            assert name == 'unknown_obstacle'
        elif idm.data[place]:
            assert name == 'uncertain'
        else:
            assert name == CLASSES[labels.data[place]]
    assert {name for name, _ in pixels.values()} >= {'unknown_obstacle', 'uncertain'}


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_confidence_is_that_of_the_id_it_stands_beside(seed):
    rng = np.random.default_rng(seed)
    idm, ood = rng.random((2, 6, 8), np.float32)
    perception = Perception(
        labels=rng.integers(0, 5, (6, 8), np.uint8),
        idm_mask=np.where(idm > 0.5, np.uint8(255), np.uint8(0)),
        ood_mask=np.where(ood > 0.5, np.uint8(255), np.uint8(0)),
        idm_score=idm,
        ood_score=ood,
        nonfinite=0,
        stage_ms={},
    )

    mask, confidence = planner_mask(perception, IDS), planner_confidence(perception) / 255.0

    assert np.abs(confidence - ood)[mask == IDS.unknown_obstacle].max(initial=0) < 0.003
    assert np.abs(confidence - idm)[mask == IDS.uncertain].max(initial=0) < 0.003
    # Whatever is marked is at least as sure of itself as the threshold; so is whatever is not.
    assert confidence.min() > 0.49


@pytest.mark.parametrize('use_cost_selection', [True, False])
def test_a_confident_road_pixel_does_not_hide_an_unknown_obstacle(use_cost_selection):
    on_one_tile = [('road', 180), ('unknown_obstacle', 230), ('road', 200)]

    assert tile_takes(on_one_tile, costs(), use_cost_selection) == 'unknown_obstacle'


def test_the_shipped_costmap_knows_every_class_of_the_planner_mask():
    assert set(costs()) == {info.name for info in CAMVID_CLASSES} | {
        'uncertain',
        'unknown_obstacle',
    }
