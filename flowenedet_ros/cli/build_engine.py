"""`flowenedet build-engine`: compile a bundle for this vehicle's GPU with TensorRT."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from flowenedet_ros.cli.arguments import camera_size
from flowenedet_ros.cli.runtime_arguments import add_choice
from flowenedet_ros.inference import BackendError, RuntimeOptions, load_bundle
from flowenedet_ros.inference.backends.base import Progress
from flowenedet_ros.inference.bundle import find_bundle, open_bundle
from flowenedet_ros.inference.probe import probe_backend

_BACKENDS = ('tensorrt', 'tensorrt_rtx')
_DEFAULTS = RuntimeOptions()


def add_parser(subparsers: Any) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        'build-engine',
        help="compile a bundle for this vehicle's GPU with TensorRT",
        description='Build the engine that the node would build at its first start. Give the same '
        'options as the node: an engine fits one model, GPU, TensorRT version and set of options.',
    )
    parser.add_argument('--model', required=True, help='bundled name or folder')
    add_choice(parser, _BACKENDS, ('fp32', 'fp16', 'int8'))
    parser.add_argument(
        '--camera',
        type=camera_size,
        default=_DEFAULTS.camera,
        metavar='HxW',
        help='image size to tune for (default: 720x1280)',
    )
    parser.add_argument(
        '--largest-image',
        type=camera_size,
        default=_DEFAULTS.largest_image,
        metavar='HxW',
        help='largest image that must run (default: 2160x3840)',
    )
    parser.add_argument('--batch', type=int, default=1, help='cameras in one call')
    parser.add_argument('--gpu-id', type=int, default=0)
    parser.add_argument('--dla-core', type=int, help='deep-learning accelerator of a Jetson')
    parser.add_argument('--workspace-mb', type=int, default=0, help='scratch memory of the build')
    parser.add_argument('--engine-cache', type=Path, help="default: the user's cache folder")
    parser.add_argument(
        '--check',
        action='store_true',
        help='only see whether each file of the bundle would build; needs no GPU, '
        'but the package tensorrt-rtx',
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Build the engine, or check; give 1 when a file would not build or the engine is wrong."""
    with engine_progress() as progress:
        options = RuntimeOptions(
            gpu_id=args.gpu_id,
            dla_core=args.dla_core,
            workspace_mb=args.workspace_mb,
            camera=args.camera,
            largest_image=args.largest_image,
            batch=args.batch,
            engine_cache=args.engine_cache,
            progress=progress,
        )
        if args.check:
            return _check(find_bundle(args.model), options)
        return _build(args, options)


@contextmanager
def engine_progress() -> Iterator[Progress]:
    """Give a function that shows the progress of engine builds as a bar."""
    from tqdm import tqdm

    bar: Any = None

    def show(text: str, fraction: float) -> None:
        nonlocal bar
        if bar is None:
            bar = tqdm(total=100, bar_format='{desc} {percentage:3.0f} %|{bar}|', leave=False)
        bar.set_description_str(text, refresh=False)
        bar.update(max(100 * fraction - bar.n, 0.0))

    try:
        yield show
    finally:
        if bar is not None:
            bar.close()


def _build(args: argparse.Namespace, options: RuntimeOptions) -> int:
    backend = _usable() if args.backend == 'auto' else args.backend
    started = perf_counter()
    with load_bundle(args.model, backend, args.precision, options) as model:
        seconds = perf_counter() - started
        report = model.self_test()
        print(
            f'{model.manifest.name} runs in {backend} {model.backend.precision} on '
            f'{model.backend.device}, ready after {seconds:.1f} s: {model.backend.file}'
        )
    print(f'self-test {report}')
    return 0 if report.passed else 1


def _usable() -> str:
    probes = [probe_backend(name) for name in _BACKENDS]
    for probe in probes:
        if probe.usable:
            return probe.backend
    reasons = '; '.join(f'{probe.backend}: {probe.detail}' for probe in probes)
    raise BackendError(f'no engine can be built here ({reasons}); --check needs no GPU')


def _check(folder: Path, options: RuntimeOptions) -> int:
    from flowenedet_ros.inference.backends.tensorrt.api import import_tensorrt
    from flowenedet_ros.inference.backends.tensorrt.builder import build_engine

    manifest = open_bundle(folder)
    trt = import_tensorrt('tensorrt_rtx')
    failures = 0
    for name in sorted(file for file in manifest.files if file.endswith('.onnx')):
        started = perf_counter()
        try:
            size = len(build_engine(trt, folder / name, options)) / 1e6
        except BackendError as error:
            failures += 1
            print(f'{name}: {error}')
            continue
        seconds = perf_counter() - started
        print(
            f'{name}: builds in TensorRT for RTX {trt.__version__}, {size:.1f} MB, {seconds:.1f} s'
        )
    return 1 if failures else 0
