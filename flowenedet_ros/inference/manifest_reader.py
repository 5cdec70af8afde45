"""Read a `model.yaml` and check every value of it."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast

import yaml

from flowenedet_ros.data.classes import VOID, ClassInfo
from flowenedet_ros.inference.errors import BundleError
from flowenedet_ros.inference.fields import Fields
from flowenedet_ros.inference.manifest import (
    FORMAT,
    MANIFEST,
    REQUIRED_FILES,
    VARIANTS,
    CalibrationInfo,
    DetectorInfo,
    InputInfo,
    Manifest,
    OperatingPoint,
    OutputInfo,
    PlannerClasses,
    ScoreMap,
    SegmenterInfo,
)

# The smallest standard deviation that still makes sense on the 0-255 scale.
_LEAST_STD = 0.1
# One sign may be lost in calibration, never both the sign and the scale.
_LEAST_SCALE = 1e-9


def read_manifest(path: Path) -> Manifest:
    """Read and check a `model.yaml`.

    :raises BundleError: when it cannot be read or a value is not what it has to be.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
    except FileNotFoundError:
        raise BundleError(f'{path} is missing: a model folder holds {MANIFEST}') from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BundleError(f'{path} cannot be read as YAML: {error}') from error
    return parse_manifest(content, str(path))


def parse_manifest(content: Any, where: str = MANIFEST) -> Manifest:
    """Check the content of a `model.yaml`.

    :raises BundleError: naming the key, what it holds and what was expected.
    """
    fields = Fields(content, where)
    version = fields.integer('format', 1)
    if version > FORMAT:
        raise BundleError(
            f'{where}: format {version} is newer than {FORMAT}, the newest this version reads; '
            'upgrade flowenedet_ros or export the model with this version'
        )
    classes = tuple(_class(item) for item in fields.items('classes'))
    if len(classes) > VOID or len({item.name for item in classes}) < len(classes):
        raise BundleError(f'{where}: `classes` needs at most {VOID} classes of different names')
    manifest = Manifest(
        name=fields.text('name'),
        segmenter=_segmenter(fields.inner('segmenter')),
        classes=classes,
        planner_classes=_planner(fields.inner('planner_classes'), len(classes)),
        input=_input(fields.inner('input')),
        output=_output(fields.inner('output')),
        detector=_detector(fields.inner('detector')),
        calibration=_calibration(fields.inner('calibration')),
        files=_files(fields),
        versions=MappingProxyType(fields.mapping('versions')),
        training=MappingProxyType(fields.mapping('training')),
    )
    fields.end()
    return manifest


def _class(fields: Fields) -> ClassInfo:
    red, green, blue = fields.triple('color', 0, 255)
    info = ClassInfo(fields.text('name'), (int(red), int(green), int(blue)))
    fields.end()
    return info


def _segmenter(fields: Fields) -> SegmenterInfo:
    info = SegmenterInfo(
        fields.text('architecture'),
        fields.integer('parameters'),
        MappingProxyType(fields.mapping('miou')),
    )
    fields.end()
    return info


def _planner(fields: Fields, classes: int) -> PlannerClasses:
    info = PlannerClasses(
        fields.integer('uncertain', classes, VOID - 1),
        fields.integer('unknown_obstacle', classes, VOID - 1),
    )
    if info.uncertain == info.unknown_obstacle:
        raise fields.fail('unknown_obstacle', info.unknown_obstacle, 'an id other than `uncertain`')
    fields.end()
    return info


def _input(fields: Fields) -> InputInfo:
    order = cast("Literal['bgr', 'rgb']", fields.text('channel_order', ('bgr', 'rgb')))
    info = InputInfo(
        fields.integer('height', 16, 8192),
        fields.integer('width', 16, 8192),
        order,
        fields.triple('mean', 0, 255),
        fields.triple('std', _LEAST_STD, 255),
    )
    fields.end()
    return info


def _output(fields: Fields) -> OutputInfo:
    mode = cast("Literal['mid', 'quarter']", fields.text('mode', ('mid', 'quarter')))
    info = OutputInfo(fields.integer('stride', 1, 64), mode)
    fields.end()
    return info


def _detector(fields: Fields) -> DetectorInfo:
    info = DetectorInfo(fields.text('variant', VARIANTS), fields.integer('parameters'))
    fields.end()
    return info


def _score_map(fields: Fields) -> ScoreMap:
    info = ScoreMap(fields.number('scale', _LEAST_SCALE), fields.number('offset'))
    fields.end()
    return info


def _operating_point(fields: Fields) -> OperatingPoint:
    point = OperatingPoint(
        *(fields.number(key, 0, 1) for key in ('idm', 'ood', 'idm_fpr', 'ood_fpr'))
    )
    fields.end()
    return point


def _calibration(fields: Fields) -> CalibrationInfo:
    points = fields.mapping('operating_points')
    if not points:
        raise fields.fail('operating_points', points, 'at least one operating point')
    info = CalibrationInfo(
        idm=_score_map(fields.inner('idm')),
        ood=_score_map(fields.inner('ood')),
        operating_points=MappingProxyType(
            {
                name: _operating_point(Fields(point, f'operating point {name}'))
                for name, point in points.items()
            }
        ),
        guarantee=fields.text('guarantee'),
        images=fields.integer('images'),
        data=fields.text('data'),
    )
    fields.end()
    return info


def _files(fields: Fields) -> Mapping[str, str]:
    files = fields.mapping('files')
    for name, digest in files.items():
        if Path(name).name != name or not re.fullmatch(r'[0-9a-f]{64}', str(digest)):
            raise fields.fail('files', {name: digest}, 'plain file name: sha256 in lower case')
    missing = [name for name in REQUIRED_FILES if name not in files]
    if missing:
        raise fields.fail('files', sorted(files), ' and '.join(missing) + ' among its keys')
    return MappingProxyType({name: str(digest) for name, digest in files.items()})
