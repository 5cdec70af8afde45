"""Counters and states as diagnostic items, with a value and a limit in every complaint."""

import time
from dataclasses import dataclass

from flowenedet_ros.inference import Model
from flowenedet_ros.node.camera import Camera
from flowenedet_ros.node.diagnostics import Item
from flowenedet_ros.node.process_info import resident_mib
from flowenedet_ros.node.supervised_model import SupervisedModel


@dataclass(frozen=True)
class Limits:
    """Seconds above which the report complains; 0 turns `input_timeout` off."""

    input_timeout: float
    processing_time: float
    hang: float


@dataclass
class Seen:
    """What the last report on a camera said, to complain about what is new since."""

    refused: int = 0
    failed: int = 0
    stale: int = 0


def frames_item(
    camera: Camera, topic: str | None, publishers: int, seen: Seen, limits: Limits
) -> Item:
    """
    Report on one camera.

    :param topic: of its images; None while the node is not active.
    """
    name = f'frames {camera.name}' if camera.name else 'frames'
    counts = camera.counters.snapshot()
    timings = camera.timings.summary()
    item = Item(name, f'{timings["rate_hz"]:.1f} Hz' if topic else 'not active')
    item.values |= {'received': counts.pop('received'), 'lost': camera.loss.lost, **counts}
    item.values |= {'topic': topic or '', 'publishers': publishers, **timings}
    if camera.last_shares is not None:
        item.values['idm_share'], item.values['ood_share'] = camera.last_shares
    _complain_about_new(item, camera, counts, seen, limits)
    silent = time.monotonic() - camera.last_good
    if topic is not None and 0.0 < limits.input_timeout < silent:
        item.errors.append(
            f'no usable image on {topic} for {silent:.1f} s, limit {limits.input_timeout:.1f} s, '
            f'{publishers} publishers'
        )
    return item


def inference_item(
    supervised: SupervisedModel,
    model: Model | None,
    activity: str,
    busy: float,
    limits: Limits,
) -> Item:
    """
    Report on the model.

    :param activity: what the node is doing or waiting for.
    :param busy: seconds that the worker has had its present frames.
    """
    item = Item('inference', activity)
    item.values |= {
        'state': activity,
        'memory_mb': resident_mib(),
        'backend_failures': supervised.failures,
        'recoveries': supervised.recoveries,
    }
    if model is not None:
        item.values |= {
            'model': model.manifest.name,
            'model_sha256': model.manifest.files['model.onnx'],
            'backend': model.backend.name,
            'precision': model.backend.precision,
            'engine': model.reason,
            'idm_threshold': model.thresholds.idm,
            'ood_threshold': model.thresholds.ood,
        }
    if supervised.report is not None:
        item.values['self_test'] = str(supervised.report)
        if not supervised.report.passed:
            item.errors.append(f'self-test {supervised.report}')
    if supervised.failure is not None:
        item.errors.append(f'backend failed {supervised.failures} times: {supervised.failure}')
    if busy > limits.hang:
        item.errors.append(f'the backend has had a frame for {busy:.1f} s, limit {limits.hang} s')
    return item


def _complain_about_new(
    item: Item, camera: Camera, counts: dict[str, int], seen: Seen, limits: Limits
) -> None:
    refused, failed = counts['rejected_malformed'], counts['rejected_failed']
    stale = counts['dropped_stale']
    if refused > seen.refused:
        item.warnings.append(f'{refused - seen.refused} malformed images: {camera.last_refusal}')
    if failed > seen.failed:
        item.errors.append(f'{failed - seen.failed} frames without a result')
    if stale > seen.stale:
        item.errors.append(f'{stale - seen.stale} frames older than max_image_age')
    seen.refused, seen.failed, seen.stale = refused, failed, stale
    if camera.last_processing_ms > limits.processing_time * 1e3:
        item.warnings.append(
            f'a frame took {camera.last_processing_ms:.0f} ms, '
            f'limit {limits.processing_time * 1e3:.0f} ms'
        )
