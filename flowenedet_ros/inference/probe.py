"""What this machine really has: drivers and devices are asked, not only packages imported."""

import ctypes
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path

from flowenedet_ros.inference.backends.base import Precision
from flowenedet_ros.inference.backends.tensorrt.api import import_tensorrt
from flowenedet_ros.inference.errors import BackendError
from flowenedet_ros.inference.openvino_core import openvino_core

_MAJOR, _MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_*


@dataclass(frozen=True)
class Probe:
    """Whether a backend can run here."""

    backend: str
    usable: bool
    detail: str
    """What was found, or what is missing."""
    fix: str = ''
    """A command that would make it usable, where there is one."""
    precisions: tuple[Precision, ...] = ('fp32',)
    """Those that 'auto' tries, fastest first; int8 is only ever chosen by name."""


def probe_backend(name: str) -> Probe:
    """Ask for one backend, loading no other's library.

    :param name: one of `BACKENDS`.
    """
    return _PROBES[name]()


def count_gpus() -> tuple[int, str]:
    """Ask NVIDIA's driver, with no CUDA package, how many GPUs there are.

    :returns: the number, and what was found in words.
    """
    try:
        driver = ctypes.CDLL('libcuda.so.1')
    except OSError:
        return 0, 'no NVIDIA driver (libcuda.so.1 not found)'
    code = driver.cuInit(0)
    if code:
        return 0, f'the NVIDIA driver does not start (cuInit gives error {code})'
    count = ctypes.c_int(0)
    driver.cuDeviceGetCount(ctypes.byref(count))
    return count.value, f'{count.value} NVIDIA GPU(s)'


def compute_capabilities() -> list[tuple[int, int]]:
    """Give (major, minor) of each NVIDIA GPU, as the driver says."""
    count, _ = count_gpus()
    return [(_attribute(gpu, _MAJOR), _attribute(gpu, _MINOR)) for gpu in range(count)]


def _attribute(gpu: int, attribute: int) -> int:
    driver, value, device = ctypes.CDLL('libcuda.so.1'), ctypes.c_int(0), ctypes.c_int(0)
    driver.cuDeviceGet(ctypes.byref(device), gpu)
    driver.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
    return value.value


def supports(targets: Iterable[str], capability: tuple[int, int]) -> bool:
    """Whether TensorRT for RTX runs on a GPU: on one that it names, or a newer one.

    :param targets: names of its `ComputeCapability`, such as SM89; those without a number are not
        looked at.
    """
    named = [int(name[2:]) for name in targets if name.startswith('SM')]
    number = 10 * capability[0] + capability[1]
    return number in named or number > max(named, default=0)


def import_problem(module: str) -> str | None:
    """Import a module and say why it cannot be, or None."""
    try:
        __import__(module)
    except Exception as error:  # a broken native library raises whatever it likes
        return f'{type(error).__name__}: {error}'
    return None


def version_of(*distributions: str) -> str:
    """Give the version of the first distribution that is installed."""
    for name in distributions:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return 'of unknown version'


def _tensorrt(module: str) -> Probe:
    package = module.replace('_', '-')
    gpus, gpu_detail = count_gpus()
    if not gpus:
        return Probe(module, False, gpu_detail, 'install the NVIDIA driver of your GPU')
    for name, install in ((module, package), ('cuda.bindings.runtime', 'cuda-python')):
        problem = import_problem(name)
        if problem:
            return Probe(module, False, f'{name}: {problem}', f'pip install {install}')
    problem = _rtx_problem() if module == 'tensorrt_rtx' else None
    if problem:
        return Probe(module, False, problem, 'pip install tensorrt')
    return Probe(
        module, True, f'{package} {version_of(package)}, {gpu_detail}', '', ('fp16', 'fp32')
    )


def _rtx_problem() -> str | None:
    """Say why TensorRT for RTX, which builds engines for GPUs it cannot run on, is of no use."""
    import tensorrt_rtx  # type: ignore[import-untyped]

    targets, found = tensorrt_rtx.ComputeCapability.__members__, compute_capabilities()
    if any(supports(targets, capability) for capability in found):
        return None
    unsupported = ', '.join(f'{major}.{minor}' for major, minor in found)
    return f'TensorRT for RTX does not run on GPUs of compute capability {unsupported}'


def _onnxruntime_gpu(kind: str, provider: str) -> Probe:
    backend = f'onnxruntime-{kind}'
    gpus, gpu_detail = count_gpus()
    if not gpus:
        return Probe(backend, False, gpu_detail, 'install the NVIDIA driver of your GPU')
    problem = import_problem('onnxruntime')
    if problem:
        return Probe(backend, False, problem, 'pip install onnxruntime-gpu')
    import onnxruntime  # type: ignore[import-untyped]

    if provider not in onnxruntime.get_available_providers():
        problem = f'the installed onnxruntime has no {provider}'
        return Probe(backend, False, problem, 'pip install onnxruntime-gpu')
    missing = missing_tensorrt(Path(onnxruntime.__file__).parent) if kind == 'tensorrt' else None
    if missing:
        version = missing.rpartition('.')[2]
        fix = f"pip install 'tensorrt=={version}.*'"
        return Probe(backend, False, f'{missing}, which {provider} needs, is not there', fix)
    detail = f'onnxruntime {onnxruntime.__version__} with {provider}, {gpu_detail}'
    return Probe(backend, True, detail, '', ('fp16', 'fp32'))


def missing_tensorrt(package: Path) -> str | None:
    """Name the first TensorRT library that an ONNX Runtime was built for and that is not there.

    :param package: folder of `onnxruntime`.
    """
    provider = package / 'capi' / 'libonnxruntime_providers_tensorrt.so'
    content = provider.read_bytes() if provider.exists() else b''
    names = sorted(set(re.findall(rb'libnv(?:infer|onnxparser)\.so\.\d+', content)))
    if names:
        with suppress(BackendError):  # pip's package loads them from where no loader looks
            import_tensorrt('tensorrt')
    for name in names:
        try:
            ctypes.CDLL(name.decode())
        except OSError:
            return str(name.decode())
    return None


def _openvino() -> Probe:
    problem = import_problem('openvino')
    if problem:
        return Probe('openvino', False, problem, 'pip install openvino')
    core = openvino_core()
    if 'CPU' not in core.available_devices:
        return Probe('openvino', False, f'no CPU device among {core.available_devices}')
    capabilities = core.get_property('CPU', 'OPTIMIZATION_CAPABILITIES')
    detail = f'openvino {version_of("openvino")} on {core.get_property("CPU", "FULL_DEVICE_NAME")}'
    if 'BF16' in capabilities:
        return Probe('openvino', True, f'{detail}, computes in bf16', '', ('bf16', 'fp32'))
    return Probe('openvino', True, detail)


def _onnxruntime() -> Probe:
    problem = import_problem('onnxruntime')
    if problem:
        return Probe('onnxruntime', False, problem, 'pip install onnxruntime')
    return Probe('onnxruntime', True, f'onnxruntime {version_of("onnxruntime", "onnxruntime-gpu")}')


_PROBES: dict[str, Callable[[], Probe]] = {
    'tensorrt': partial(_tensorrt, 'tensorrt'),
    'tensorrt_rtx': partial(_tensorrt, 'tensorrt_rtx'),
    'onnxruntime-tensorrt': partial(_onnxruntime_gpu, 'tensorrt', 'TensorrtExecutionProvider'),
    'onnxruntime-cuda': partial(_onnxruntime_gpu, 'cuda', 'CUDAExecutionProvider'),
    'openvino': _openvino,
    'onnxruntime': _onnxruntime,
}
BACKENDS = tuple(_PROBES)
"""Names that the `backend` parameter takes beside 'auto', in the order of preference."""
