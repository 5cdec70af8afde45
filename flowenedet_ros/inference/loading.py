"""Choose a backend and a precision for a bundle and load it there."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

from flowenedet_ros.inference.backends.base import PRECISIONS, Backend, Precision, RuntimeOptions
from flowenedet_ros.inference.bundle import find_bundle, model_file, open_bundle
from flowenedet_ros.inference.errors import BackendError
from flowenedet_ros.inference.manifest import Manifest
from flowenedet_ros.inference.model import Model
from flowenedet_ros.inference.probe import BACKENDS, Probe, probe_backend


def load_bundle(
    model: str | Path,
    backend: str = 'auto',
    precision: str = 'auto',
    options: RuntimeOptions | None = None,
) -> Model:
    """Load a model folder, ready to run.

    :param model: a bundled model's name or a folder.
    :param backend: one of `BACKENDS`, or 'auto' for the first of them that this machine can run.
    :param precision: 'fp32', 'fp16', 'bf16' or 'int8', or 'auto' for the fastest of the backend's
        floating-point ones that passes the bundle's self-test.
    :raises BundleError: when the folder is wrong.
    :raises BackendError: when no backend can run the model, with every reason.
    """
    _check_names(backend, precision)
    options = options or RuntimeOptions()
    folder = find_bundle(model)
    manifest = open_bundle(folder)
    refused = _Refusals()
    for probe in _probes(backend, refused):
        for candidate in _precisions(probe, precision, manifest):
            try:
                loaded = _load(folder, manifest, probe, candidate, options)
            except BackendError as error:
                if 'auto' not in (backend, precision):
                    raise
                refused.add(f'{probe.backend} {candidate}', str(error))
                continue
            problem = _untrusted(loaded) if precision == 'auto' else None
            if problem is None:
                loaded.reason = '; '.join([probe.detail, *refused.words()])
                return loaded
            loaded.close()
            refused.add(f'{probe.backend} {candidate}', problem)
    raise BackendError(f'no backend can run {folder}: ' + '; '.join(refused.words()))


def open_backend(name: str, path: Path, precision: Precision, options: RuntimeOptions) -> Backend:
    """Load an ONNX file of the fused graph into one backend.

    :raises BackendError: when the backend is missing or refuses the graph.
    """
    if name == 'openvino':
        from flowenedet_ros.inference.backends.openvino import OpenVinoBackend

        return OpenVinoBackend(path, precision, options)
    if name in ('tensorrt', 'tensorrt_rtx'):
        from flowenedet_ros.inference.backends.tensorrt.backend import TensorRtBackend

        return TensorRtBackend(path, precision, options, name)
    from flowenedet_ros.inference.backends.onnxruntime import OnnxRuntimeBackend

    return OnnxRuntimeBackend(path, precision, options, name)


class _Refusals:
    """Why backends were passed over, said once for all that have the same reason."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}

    def add(self, name: str, reason: str) -> None:
        self._names.setdefault(reason, []).append(name)

    def words(self) -> list[str]:
        return [f'not {" or ".join(names)}: {reason}' for reason, names in self._names.items()]


def _check_names(backend: str, precision: str) -> None:
    if backend not in ('auto', *BACKENDS):
        raise BackendError(f'no backend `{backend}`: choose auto or one of {", ".join(BACKENDS)}')
    if precision not in ('auto', *PRECISIONS):
        known = ', '.join(PRECISIONS)
        raise BackendError(f'no precision `{precision}`: choose auto or one of {known}')


def _probes(backend: str, refused: _Refusals) -> Iterator[Probe]:
    for name in BACKENDS if backend == 'auto' else (backend,):
        probe = probe_backend(name)
        if probe.usable:
            yield probe
        elif backend != 'auto':
            advice = f': {probe.fix}' if probe.fix else ''
            raise BackendError(f'backend {name} cannot run here, {probe.detail}{advice}')
        else:
            refused.add(name, probe.detail)


def _precisions(probe: Probe, precision: str, manifest: Manifest) -> list[Precision]:
    if precision != 'auto':
        return [cast(Precision, precision)]
    return [
        item
        for item in probe.precisions
        if item in ('fp32', 'bf16') or f'model_{item}.onnx' in manifest.files
    ]


def _load(
    folder: Path, manifest: Manifest, probe: Probe, precision: Precision, options: RuntimeOptions
) -> Model:
    path = model_file(folder, manifest, precision)
    backend = open_backend(probe.backend, path, precision, options)
    return Model(folder, manifest, backend, probe.detail)


def _untrusted(model: Model) -> str | None:
    """Say why a reduced precision may not be chosen by itself; fp32 is the user's to judge."""
    if model.backend.precision == 'fp32':
        return None
    report = model.self_test()
    return None if report.passed else f'self-test {report}'
