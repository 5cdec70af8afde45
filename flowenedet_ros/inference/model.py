"""A loaded bundle: camera images in, `Perception` out."""

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.inference.backends.base import Backend, Outputs
from flowenedet_ros.inference.errors import FlowEneDetError
from flowenedet_ros.inference.frames import check_frame, stack_frames
from flowenedet_ros.inference.manifest import Manifest
from flowenedet_ros.inference.perception import Perception
from flowenedet_ros.inference.self_test import SelfTestReport, compare, read_golden


class Model:
    """A bundle in a backend; use it from one thread at a time.

    :param reason: why this backend and precision were chosen.
    """

    def __init__(self, folder: Path, manifest: Manifest, backend: Backend, reason: str) -> None:
        self.folder = folder
        self.manifest = manifest
        self.backend = backend
        self.reason = reason
        point = manifest.calibration.operating_points[manifest.default_point]
        self.thresholds = point.thresholds
        """Scores that make the masks; assign new `Thresholds` at any time."""

    def run(self, image: NDArray[np.uint8]) -> Perception:
        """Segment one image.

        :param image: uint8 (H, W, 3) of any size, in the bundle's channel order (bgr unless
            `manifest.input.channel_order` says otherwise).
        :raises FrameError: for another array.
        :raises BackendError: when the runtime fails.
        """
        return self._run_one_size([image])[0]

    def run_batch(self, images: Sequence[NDArray[np.uint8]]) -> list[Perception]:
        """Segment several images, in one call where sizes and backend allow it.

        Every image is checked before the first is run.

        :raises FrameError: for an array that is no image.
        :raises BackendError: when the runtime fails.
        """
        checked = [check_frame(image) for image in images]
        alike = len({image.shape for image in checked}) == 1
        if alike and self.backend.batches:
            return self._run_one_size(checked)
        return [self.run(image) for image in checked]

    def warm_up(self, height: int, width: int, batch: int = 1) -> None:
        """Run black images, so that the first camera image meets no late compilation."""
        self.run_batch([np.zeros((height, width, 3), np.uint8)] * batch)

    def self_test(self) -> SelfTestReport:
        """Compare with the golden outputs in the bundle; a failure is reported, never raised."""
        try:
            golden = read_golden(self.folder)
            images = golden.images
            if self.manifest.input.channel_order == 'rgb':
                images = images[..., ::-1]
            return compare(golden, [self.run(image) for image in images])
        except FlowEneDetError as error:
            return SelfTestReport(str(error))

    def close(self) -> None:
        """Free what the backend holds."""
        self.backend.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _run_one_size(self, images: Sequence[NDArray[np.uint8]]) -> list[Perception]:
        started = perf_counter()
        batch = stack_frames([check_frame(image) for image in images])
        prepared = perf_counter()
        outputs = self.backend.infer(batch, self.thresholds)
        inferred = perf_counter()
        # Times of a batch are shared out, so that sums over frames stay sums of time.
        share = 1e3 / len(images)
        stage_ms = {
            'pre': (prepared - started) * share,
            'backend': (inferred - prepared) * share,
            'post': 0.0,
        }
        perceptions = [_perception(outputs, i, stage_ms) for i in range(len(images))]
        stage_ms['post'] = (perf_counter() - inferred) * share
        return perceptions


def _perception(outputs: Outputs, i: int, stage_ms: dict[str, float]) -> Perception:
    return Perception(
        outputs.labels[i],
        outputs.idm_mask[i],
        outputs.ood_mask[i],
        outputs.idm_score[i],
        outputs.ood_score[i],
        int(outputs.nonfinite[i]),
        stage_ms,
    )
