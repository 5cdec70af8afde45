"""`model.yaml`: everything a model folder says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from flowenedet_ros.data.classes import ClassInfo
from flowenedet_ros.inference.perception import Thresholds

FORMAT = 1
"""The only format this version reads and writes."""
MANIFEST = 'model.yaml'
VARIANTS = ('flowenedet', 'convnet', 'fed_u', 'fed_c')
REQUIRED_FILES = ('model.onnx', 'flow.safetensors', 'self_test.npz')


@dataclass(frozen=True)
class SegmenterInfo:
    """The frozen task model."""

    architecture: str
    parameters: int
    miou: Mapping[str, Any]
    """Mean intersection over union by data set."""


@dataclass(frozen=True)
class PlannerClasses:
    """Ids of the planner mask that stand for no class."""

    uncertain: int
    unknown_obstacle: int


@dataclass(frozen=True)
class InputInfo:
    """What the network sees: the camera image is resized to it inside the graph."""

    height: int
    width: int
    channel_order: Literal['bgr', 'rgb']
    mean: tuple[float, float, float]
    """RGB, on the 0-255 scale."""
    std: tuple[float, float, float]
    """RGB, on the 0-255 scale."""


@dataclass(frozen=True)
class OutputInfo:
    """Size of the scores and where the classes are decided."""

    stride: int
    mode: Literal['mid', 'quarter']


@dataclass(frozen=True)
class DetectorInfo:
    """The flow on top of the segmenter."""

    variant: str
    parameters: int


@dataclass(frozen=True)
class ScoreMap:
    """score = sigmoid(scale * log odds + offset)."""

    scale: float
    offset: float


@dataclass(frozen=True)
class OperatingPoint:
    """Thresholds and the false-positive rates they had on the calibration images."""

    idm: float
    ood: float
    idm_fpr: float
    ood_fpr: float

    @property
    def thresholds(self) -> Thresholds:
        """The two thresholds alone."""
        return Thresholds(self.idm, self.ood)


@dataclass(frozen=True)
class CalibrationInfo:
    """How scores and thresholds were fitted, and what may be promised of them."""

    idm: ScoreMap
    ood: ScoreMap
    operating_points: Mapping[str, OperatingPoint]
    guarantee: str
    images: int
    data: str


@dataclass(frozen=True)
class Manifest:
    """`model.yaml` of a bundle, checked."""

    name: str
    segmenter: SegmenterInfo
    classes: tuple[ClassInfo, ...]
    """The id of a class is its place."""
    planner_classes: PlannerClasses
    input: InputInfo
    output: OutputInfo
    detector: DetectorInfo
    calibration: CalibrationInfo
    files: Mapping[str, str]
    """File name to sha256, lower-case hexadecimal."""
    versions: Mapping[str, Any]
    training: Mapping[str, Any]

    @property
    def default_point(self) -> str:
        """'balanced', or the first operating point where there is none of that name."""
        points = self.calibration.operating_points
        return 'balanced' if 'balanced' in points else next(iter(points))
