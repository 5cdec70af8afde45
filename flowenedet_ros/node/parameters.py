"""The node's parameters: declared, checked, and turned into what the node works with."""

import difflib
import os
import re
from pathlib import Path
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from flowenedet_ros.inference import RuntimeOptions, Thresholds
from flowenedet_ros.inference.backends.base import Progress
from flowenedet_ros.inference.manifest import Manifest
from flowenedet_ros.node.parameter_specs import BY_NAME, BY_OPERATING_POINT, SPECS


class ParameterError(ValueError):
    """A parameter has a value that the node cannot work with."""


def declare(node: Node) -> None:
    """
    Declare every parameter on the node.

    :raises ParameterError: a given value has the wrong type, is out of range or not a choice.
    """
    for spec in SPECS:
        try:
            value = node.declare_parameter(spec.name, spec.default, spec.descriptor()).value
        # rclpy has an exception class per reason; all say what was wrong with which parameter.
        except Exception as error:
            raise ParameterError(f'parameter {spec.name}: {error}') from error
        fault = spec.fault(value)
        if fault is not None:
            raise ParameterError(fault)


def refuse_faults(changed: list[Parameter], manifest: Manifest | None) -> SetParametersResult:
    """
    Check a live change before rclpy stores it; rclpy itself refuses the read-only ones.

    :param manifest: of the loaded model, where one is loaded.
    """
    for parameter in changed:
        spec = BY_NAME.get(parameter.name)
        fault = None if spec is None else spec.fault(parameter.value)
        if fault is None and parameter.name == 'operating_point' and manifest is not None:
            fault = _missing_point(parameter.value, manifest)
        if fault is not None:
            return SetParametersResult(successful=False, reason=fault)
    return SetParametersResult(successful=True)


def thresholds(node: Node, manifest: Manifest) -> Thresholds:
    """
    Give the thresholds that the parameters ask for.

    :param manifest: of the loaded model.
    :raises ParameterError: the model has no such operating point.
    """
    name = node.get_parameter('operating_point').value
    fault = _missing_point(name, manifest)
    if fault is not None:
        raise ParameterError(fault)
    idm, ood = (node.get_parameter(f'{task}_threshold').value for task in ('idm', 'ood'))
    point = manifest.calibration.operating_points[name]
    return Thresholds(
        point.idm if idm == BY_OPERATING_POINT else idm,
        point.ood if ood == BY_OPERATING_POINT else ood,
    )


def runtime_options(node: Node, progress: Progress) -> RuntimeOptions:
    """
    Give the backend its options.

    :param progress: told how far the build of an engine is.
    """
    core, cache = node.get_parameter('dla_core').value, node.get_parameter('engine_cache').value
    return RuntimeOptions(
        threads=node.get_parameter('threads').value,
        gpu_id=node.get_parameter('gpu_id').value,
        dla_core=core if core >= 0 else None,
        batch=len(camera_names(node)),
        engine_cache=Path(cache).expanduser() if cache else None,
        on_bad_engine=node.get_parameter('on_bad_engine').value,
        progress=progress,
    )


def cache_fault(node: Node) -> str | None:
    """Say why engines cannot be kept in the folder that was given, or None where they can."""
    given = node.get_parameter('engine_cache').value
    if not given:
        return None
    folder = Path(given).expanduser().absolute()
    place = next(path for path in (folder, *folder.parents) if os.path.exists(path))
    if place.is_dir() and os.access(place, os.W_OK):
        return None
    return f'engine_cache {folder} cannot be written: each start builds TensorRT engines again'


def camera_names(node: Node) -> list[str]:
    """
    Give the camera names, one empty name for a node with a single nameless camera.

    :raises ParameterError: a name cannot stand in a topic, or stands there twice.
    """
    names = list(node.get_parameter('cameras').value) or ['']
    for name in names:
        if not re.fullmatch(r'[A-Za-z][A-Za-z0-9_]*', name) and names != ['']:
            raise ParameterError(
                f'cameras has the name {name!r}; expected letters, digits and _, a letter first'
            )
    if len(set(names)) < len(names):
        raise ParameterError(f'cameras names one twice: {", ".join(names)}')
    return names


def ego_masks(node: Node) -> list[str]:
    """
    Give the path of each camera's ego mask, empty for none.

    :raises ParameterError: there are masks, but not one entry for each camera.
    """
    paths, cameras = list(node.get_parameter('ego_masks').value), len(camera_names(node))
    if not any(paths):
        return [''] * cameras
    if len(paths) != cameras:
        raise ParameterError(
            f'ego_masks has {len(paths)} entries; expected one per camera, {cameras}'
        )
    return paths


def _missing_point(name: str, manifest: Manifest) -> str | None:
    points = manifest.calibration.operating_points
    if name in points:
        return None
    return f'operating_point is {name!r}; this model has: {", ".join(points)}'


def unknown_parameters(node: Node) -> list[str]:
    """Describe each parameter that was given for the node but that nothing declares."""
    overrides: dict[str, Any] = node._parameter_overrides
    reports = []
    for name in sorted(overrides):
        if node.has_parameter(name):
            continue
        close = difflib.get_close_matches(name, BY_NAME, n=1)
        reports.append(f'{name} (did you mean {close[0]}?)' if close else name)
    return reports
