"""Scores that are no longer those of the calibration images, as a diagnostic item."""

import math
import time

from rclpy.node import Node

from flowenedet_ros.inference import Model, Perception
from flowenedet_ros.inference.drift import DriftMonitor, read_drift
from flowenedet_ros.node.camera import Camera
from flowenedet_ros.node.diagnostics import Item


def watch_for_drift(node: Node, model: Model, cameras: list[Camera]) -> None:
    """
    Give each camera a monitor, where the model says how its scores were.

    :raises BundleError: the model's reference cannot be read.
    """
    reference = read_drift(model.folder, model.manifest)
    if reference is None or node.get_parameter('drift_tolerance').value == 0.0:
        return
    for camera in cameras:
        camera.drift = DriftMonitor(reference, node.get_parameter('drift_window').value)


def watch(camera: Camera, perception: Perception) -> None:
    """Show a camera's monitor the scores of a frame, as the model gave them."""
    monitor, now = camera.drift, time.monotonic()
    if monitor is not None and monitor.due(now):
        scores = perception.idm_score, perception.ood_score
        if camera.ego_mask is not None:
            scores = camera.ego_mask.outside(scores[0]), camera.ego_mask.outside(scores[1])
        monitor.add(*scores, now)


def drift_item(camera: Camera, tolerance: float) -> Item:
    """
    Report on a camera's drift.

    :param tolerance: multiple of the model's own limits that is still good; 0 where none is wanted.
    """
    name = f'drift {camera.name}' if camera.name else 'drift'
    monitor = camera.drift
    if monitor is None:
        return Item(name, 'not calibrated for drift' if tolerance else 'drift is not watched')
    drift, reference = monitor.drift(), monitor.reference
    item = Item(name, 'scores are distributed as on the calibration images')
    item.values['drift_frames'] = drift.frames
    for score, index, limit in (
        ('idm', drift.idm, reference.idm_limit * tolerance),
        ('ood', drift.ood, reference.ood_limit * tolerance),
    ):
        item.values |= {f'drift_{score}': index, f'drift_{score}_limit': limit}
        if index > limit:
            item.warnings.append(
                f'{score.upper()} scores are distributed otherwise than on the calibration '
                f'images: stability index {index:.3f}, limit {limit:.3f}'
            )
    if math.isnan(drift.idm):
        item.summary = f'{drift.frames} of {reference.window} frames for a comparison'
    return item
