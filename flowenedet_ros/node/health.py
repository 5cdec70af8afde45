"""Counters and states as diagnostic items, with a value and a limit in every complaint."""

import time
from dataclasses import dataclass, field

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
class CameraHealth:
    """
    Watch one camera from report to report.

    :param topic: of its images.
    """

    camera: Camera
    topic: str
    limits: Limits
    silent: bool = False
    _seen: dict[str, int] = field(default_factory=dict)

    def report(self) -> Item:
        """Report on the camera, complaining about what is new since the last report."""
        camera = self.camera
        counts = camera.counters.snapshot()
        timings = camera.timings.summary()
        item = Item(
            f'frames {camera.name}' if camera.name else 'frames',
            f'{timings["rate_hz"]:.1f} Hz' if camera.active else 'not active',
        )
        item.values |= {'received': counts['received'], 'lost': camera.loss.lost, **counts}
        item.values['frame_recoveries'] = camera.recoveries
        item.values |= {'topic': self.topic, 'publishers': camera.loss.publishers, **timings}
        if camera.last_shares is not None:
            item.values['idm_share'], item.values['ood_share'] = camera.last_shares
        self._complain_of_silence(item)
        self._complain_of_frames(item, counts)
        return item

    def _complain_of_silence(self, item: Item) -> None:
        since, limit = time.monotonic() - self.camera.last_good, self.limits.input_timeout
        self.silent = self.camera.active and 0.0 < limit < since
        if self.silent:
            item.errors.append(
                f'no usable image on {self.topic} for {since:.1f} s, limit {limit:.1f} s, '
                f'{self.camera.loss.publishers} publishers'
            )

    def _complain_of_frames(self, item: Item, counts: dict[str, int]) -> None:
        def new(fate: str) -> int:
            return counts[fate] - self._seen.get(fate, 0)

        if new('rejected_malformed'):
            fault = self.camera.last_refusal
            item.errors.append(f'{new("rejected_malformed")} malformed images: {fault}')
        if new('rejected_failed'):
            item.errors.append(f'{new("rejected_failed")} frames without a result')
        if new('dropped_stale'):
            item.errors.append(f'{new("dropped_stale")} frames older than max_image_age')
        self._seen = counts
        took, limit = self.camera.last_processing_ms, self.limits.processing_time * 1e3
        if took > limit:
            item.warnings.append(f'a frame took {took:.0f} ms, limit {limit:.0f} ms')


def inference_item(
    supervised: SupervisedModel, model: Model | None, activity: str, busy: float, limits: Limits
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
            'device': model.backend.device,
            'engine': model.reason,
            'idm_threshold': model.thresholds.idm,
            'ood_threshold': model.thresholds.ood,
        }
    if activity.startswith('failed'):
        item.errors.append(activity)
    report, failure = supervised.report, supervised.failure
    if report is not None:
        item.values['self_test'] = str(report)
        if not report.passed:
            item.errors.append(f'self-test {report}')
    if failure is not None:
        item.errors.append(f'backend failed {supervised.failures} times: {failure}')
    if busy > limits.hang:
        item.errors.append(
            f'the backend has had a frame for {busy:.1f} s, limit {limits.hang:.1f} s'
        )
    return item
