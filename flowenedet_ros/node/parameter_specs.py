"""Every parameter's name, default, range and meaning; they stand here and nowhere else."""

import math
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

OPERATING_POINTS = ('cautious', 'balanced', 'permissive')
BY_OPERATING_POINT = -1.0


@dataclass(frozen=True)
class Spec:
    """Describe one parameter."""

    name: str
    default: bool | int | float | str | list[str]
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    live: bool = False

    def descriptor(self) -> ParameterDescriptor:
        """Give what `ros2 param describe` shows and what rclpy enforces."""
        descriptor = ParameterDescriptor(
            name=self.name,
            description=self.description,
            read_only=not self.live,
            additional_constraints=f'one of: {", ".join(self.choices)}' if self.choices else '',
        )
        if self.minimum is not None and self.maximum is not None:
            if isinstance(self.default, int):
                descriptor.integer_range = [
                    IntegerRange(from_value=int(self.minimum), to_value=int(self.maximum))
                ]
            else:
                descriptor.floating_point_range = [
                    FloatingPointRange(from_value=self.minimum, to_value=self.maximum)
                ]
        return descriptor

    def fault(self, value: Any) -> str | None:
        """Say why `value` cannot be taken, or None where it can."""
        if isinstance(value, float) and not math.isfinite(value):
            return f'{self.name} is {value}; expected a finite number'
        if self.choices and value not in self.choices:
            return f'{self.name} is {value!r}; expected one of: {", ".join(self.choices)}'
        if self.name in ('idm_threshold', 'ood_threshold') and BY_OPERATING_POINT < value < 0.0:
            return f'{self.name} is {value}; expected 0 to 1, or -1 to follow operating_point'
        return None


SPECS = (
    Spec('model', 'camvid_deeplabv3plus', 'Bundled model name, or path of a model bundle folder.'),
    Spec('autostart', True, 'Configure and activate at start, without a lifecycle manager.'),
    Spec('backend', 'auto', 'Inference backend; auto takes the fastest that works here.'),
    Spec('precision', 'auto', "Numeric precision of the backend; auto takes the bundle's best."),
    Spec('threads', 0, 'Threads of a CPU backend; 0 leaves the choice to it.', 0, 1024),
    Spec('gpu_id', 0, 'NVIDIA GPU to use.', 0, 63),
    Spec('dla_core', -1, 'Deep-learning accelerator of a Jetson; -1 uses the GPU.', -1, 15),
    Spec('engine_cache', '', "Folder of built TensorRT engines; empty: the user's cache folder."),
    Spec(
        'on_bad_engine',
        'rebuild',
        'What to do with a damaged or foreign engine in that folder.',
        choices=('rebuild', 'error'),
    ),
    Spec('self_test', True, 'Refuse a model whose stored test images give other answers here.'),
    Spec('warm_up_runs', 3, 'Frames run through the model before the node is active.', 0, 100),
    Spec(
        'operating_point',
        'balanced',
        'Calibrated pair of thresholds of the model; cautious marks most.',
        choices=OPERATING_POINTS,
        live=True,
    ),
    Spec(
        'idm_threshold',
        BY_OPERATING_POINT,
        'Score above which a pixel counts as misclassified; -1 follows operating_point.',
        BY_OPERATING_POINT,
        1.0,
        live=True,
    ),
    Spec(
        'ood_threshold',
        BY_OPERATING_POINT,
        'Score above which a pixel counts as an unknown object; -1 follows operating_point.',
        BY_OPERATING_POINT,
        1.0,
        live=True,
    ),
    Spec(
        'cameras',
        [''],
        'Camera names: topics become ~/NAME/input/image and so on. One empty name: ~/input/image.',
    ),
    Spec('input_transport', 'raw', 'How the images come.', choices=('raw', 'compressed')),
    Spec(
        'ego_masks',
        [''],
        'One PNG per camera, white where the camera sees its own vehicle; empty for none.',
    ),
    Spec(
        'max_image_age',
        0.0,
        'Frames older than this, in seconds, are not processed; 0 takes any age.',
        0.0,
        3600.0,
    ),
    Spec(
        'input_timeout',
        2.0,
        'Seconds without a frame after which the input counts as lost; 0 waits for ever.',
        0.0,
        3600.0,
    ),
    Spec(
        'max_image_pixels',
        33_554_432,
        'Larger images are refused, so that no message can exhaust the memory.',
        1,
        1_000_000_000,
    ),
    Spec(
        'output_size',
        'network',
        'Size of masks and label map: of the network input, or of the camera image.',
        choices=('network', 'input'),
    ),
    Spec(
        'on_failure',
        'unknown',
        'What a frame without a result gives: masks that mark all as unknown, or nothing.',
        choices=('unknown', 'nothing'),
    ),
    Spec(
        'blob_min_area',
        0,
        'Smallest unknown object, in mask pixels, for ~/output/ood_blobs; 0 publishes none.',
        0,
        1_000_000_000,
    ),
    Spec(
        'max_processing_time',
        1.0,
        'Seconds per frame above which /diagnostics warns.',
        0.001,
        3600.0,
    ),
    Spec(
        'hang_timeout',
        10.0,
        'Seconds in one frame after which /diagnostics reports that the backend hangs.',
        0.1,
        3600.0,
    ),
    Spec(
        'drift_tolerance',
        1.0,
        "Multiple of the model's limit on score drift above which /diagnostics warns; 0 is off.",
        0.0,
        1000.0,
    ),
    Spec(
        'drift_window',
        10.0,
        'Seconds over which the scores are compared with those of the calibration images.',
        0.0,
        3600.0,
    ),
)
BY_NAME = {spec.name: spec for spec in SPECS}
LIVE = frozenset(spec.name for spec in SPECS if spec.live)
