"""What this machine has, what would run on it and how fast, and what is missing."""

import os
import platform
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from time import perf_counter

import numpy as np

from flowenedet_ros.inference.backends.base import RuntimeOptions
from flowenedet_ros.inference.bundle import bundled_models, find_bundle, open_bundle
from flowenedet_ros.inference.engine_cache import default_folder
from flowenedet_ros.inference.errors import FlowEneDetError
from flowenedet_ros.inference.loading import load_bundle
from flowenedet_ros.inference.model import Model
from flowenedet_ros.inference.probe import BACKENDS, import_problem, probe_backend, version_of

_LONGEST_TIMING_S = 3.0
_MOST_RUNS = 30
_GIBIBYTE = 1 << 30


class State(Enum):
    """How a finding bears on the node."""

    OK = 'ok'
    ABSENT = 'absent'
    """Something optional is not there."""
    BROKEN = 'broken'
    """The node cannot start before this is mended."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    topic: str
    state: State
    detail: str
    fix: str = ''
    """A command or act that mends it."""


def examine(
    model: str | None, backend: str, precision: str, options: RuntimeOptions
) -> Iterator[Finding]:
    """Look at everything that the node needs, the quick things first.

    :param model: a name or folder as the node's `model` parameter takes it; None for the first
        bundled one.
    """
    yield _machine()
    yield _ros()
    for name in BACKENDS:
        probe = probe_backend(name)
        state = State.OK if probe.usable else State.ABSENT
        yield Finding(name, state, probe.detail, probe.fix)
    yield _engine_cache(options)
    names = bundled_models()
    yield Finding('bundled models', State.OK, ', '.join(names) or 'none')
    if model is None and not names:
        fix = 'train one with `flowenedet train` and give its folder with --model'
        yield Finding('model', State.BROKEN, 'there is none to load', fix)
        return
    yield from _model(model or names[0], backend, precision, options)


def _machine() -> Finding:
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / _GIBIBYTE
    detail = (
        f'{_processor()}, {cores} cores usable, {memory:.0f} GiB memory, '
        f'{platform.system()} {platform.machine()}, Python {platform.python_version()}'
    )
    return Finding('machine', State.OK, detail)


def _processor() -> str:
    # Jetson boards have no `model name` here; they name the board in the device tree.
    for path, prefix in (('/proc/cpuinfo', 'model name'), ('/proc/device-tree/model', '')):
        try:
            lines = Path(path).read_text(errors='replace').splitlines()
        except OSError:
            continue
        for line in lines:
            if line.startswith(prefix):
                return line.rpartition(': ')[2].strip('\0 ')
    return platform.processor() or 'unknown processor'


def _ros() -> Finding:
    problem = import_problem('rclpy')
    if problem is None:
        return Finding('ROS 2', State.OK, f'rclpy {version_of("rclpy")}')
    fix = 'run `make setup`, or `source /opt/ros/<distribution>/setup.bash` on a robot'
    return Finding('ROS 2', State.BROKEN, problem, fix)


def _engine_cache(options: RuntimeOptions) -> Finding:
    folder = options.engine_cache or default_folder()
    engines = list(folder.glob('*.engine')) if folder.is_dir() else []
    size = sum(path.stat().st_size for path in engines) >> 20
    place = next(path for path in (folder, *folder.parents) if path.exists())
    if place.is_dir() and os.access(place, os.W_OK):
        return Finding('engine cache', State.OK, f'{folder}: {len(engines)} engines, {size} MiB')
    detail = f'{folder} cannot be written: each start builds TensorRT engines again'
    return Finding('engine cache', State.ABSENT, detail, 'set the parameter `engine_cache`')


def _model(name: str, backend: str, precision: str, options: RuntimeOptions) -> Iterator[Finding]:
    try:
        folder = find_bundle(name)
        manifest = open_bundle(folder)
    except FlowEneDetError as error:
        yield Finding('model', State.BROKEN, str(error))
        return
    files = ', '.join(sorted(file for file in manifest.files if file.endswith('.onnx')))
    size = f'{manifest.input.height}x{manifest.input.width}'
    yield Finding('model', State.OK, f'{manifest.name} ({folder}), sees {size}, has {files}')
    started = perf_counter()
    try:
        model = load_bundle(folder, backend, precision, options)
    except FlowEneDetError as error:
        yield Finding('backend', State.BROKEN, str(error))
        return
    loading = perf_counter() - started
    with model:
        chosen = f'{model.backend.name} {model.backend.precision}'
        why = f'{chosen} would run, loaded in {loading:.1f} s. Why: {model.reason}'
        yield Finding('backend', State.OK, why)
        yield _tested(model)
        yield _timed(model, options.camera)


def _tested(model: Model) -> Finding:
    report = model.self_test()
    if report.passed:
        return Finding('self-test', State.OK, str(report))
    fix = 'choose another precision or backend, or export the model again'
    return Finding('self-test', State.BROKEN, str(report), fix)


def _timed(model: Model, camera: tuple[int, int]) -> Finding:
    image = np.random.default_rng(0).integers(0, 256, (*camera, 3), np.uint8)
    milliseconds: list[float] = []
    try:
        model.run(image)
        begun = perf_counter()
        while len(milliseconds) < _MOST_RUNS and perf_counter() - begun < _LONGEST_TIMING_S:
            started = perf_counter()
            model.run(image)
            milliseconds.append(1e3 * (perf_counter() - started))
    except FlowEneDetError as error:
        return Finding('speed', State.BROKEN, str(error))
    median = statistics.median(milliseconds)
    detail = (
        f'{median:.1f} ms per {camera[0]}x{camera[1]} image, {1e3 / median:.0f} per second '
        f'(median of {len(milliseconds)}, on {model.backend.device})'
    )
    return Finding('speed', State.OK, detail)
