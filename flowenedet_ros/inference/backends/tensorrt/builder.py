"""Turn the fused ONNX graph into a TensorRT engine."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowenedet_ros.inference.backends.base import RuntimeOptions
from flowenedet_ros.inference.backends.messages import in_words
from flowenedet_ros.inference.backends.tensorrt.api import MessageLog, message_log
from flowenedet_ros.inference.backends.tensorrt.progress import progress_monitor
from flowenedet_ros.inference.errors import BackendError

if TYPE_CHECKING:
    import tensorrt

_MEBIBYTE = 1 << 20
_SMALLEST_SIDE = 16


def build_engine(
    trt: Any, path: Path, options: RuntimeOptions, timing_cache: Path | None = None
) -> bytes:
    """Build an engine that takes any image up to `options.largest_image`.

    Networks are strongly typed: TensorRT 11 has no precision flags any more, and in 10 they would
    not bind. The precision is that of the ONNX file.

    :param timing_cache: measured kernel times of earlier builds; read and written where given.
    :raises BackendError: with the operator or the reason that TensorRT names.
    """
    log = message_log(trt)
    builder: tensorrt.Builder = trt.Builder(log.logger)
    strongly_typed = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    network: tensorrt.INetworkDefinition = builder.create_network(strongly_typed)
    _parse(trt, network, path, log)
    config: tensorrt.IBuilderConfig = builder.create_builder_config()
    _configure(trt, builder, config, options)
    config.add_optimization_profile(_profile(builder, network, options))
    if timing_cache:
        _load_timings(config, timing_cache)
    if options.progress:
        config.progress_monitor = progress_monitor(trt, options.progress)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise BackendError(f'TensorRT cannot build {path}: {in_words(log.take())}')
    if timing_cache:
        _save_timings(config, timing_cache)
    return bytes(engine)


def _parse(trt: Any, network: 'tensorrt.INetworkDefinition', path: Path, log: MessageLog) -> None:
    parser: tensorrt.OnnxParser = trt.OnnxParser(network, log.logger)
    if parser.parse(path.read_bytes()):
        return
    errors = [parser.get_error(i) for i in range(parser.num_errors)]
    reasons = '; '.join(f'{error.node_operator()}: {error.desc()}' for error in errors)
    raise BackendError(f'TensorRT cannot read {path}: {reasons or log.take()}')


def _configure(
    trt: Any,
    builder: 'tensorrt.Builder',
    config: 'tensorrt.IBuilderConfig',
    options: RuntimeOptions,
) -> None:
    if options.workspace_mb:
        pool = trt.MemoryPoolType.WORKSPACE
        config.set_memory_pool_limit(pool, options.workspace_mb * _MEBIBYTE)
    if options.dla_core is not None:
        cores = builder.num_DLA_cores
        if not 0 <= options.dla_core < cores:
            there = f'cores 0 to {cores - 1}' if cores else 'none'
            raise BackendError(f'dla_core is {options.dla_core}: this machine has {there}')
        config.default_device_type = trt.DeviceType.DLA
        config.DLA_core = options.dla_core
        # No accelerator runs the resize, the argmax and the flow's split.
        config.set_flag(trt.BuilderFlag.GPU_FALLBACK)


def _profile(
    builder: 'tensorrt.Builder', network: 'tensorrt.INetworkDefinition', options: RuntimeOptions
) -> 'tensorrt.IOptimizationProfile':
    images = network.get_input(0)
    batch = options.batch if images.shape[0] < 0 else images.shape[0]
    least = 1 if images.shape[0] < 0 else batch
    profile: tensorrt.IOptimizationProfile = builder.create_optimization_profile()
    profile.set_shape(
        'image',
        (least, _SMALLEST_SIDE, _SMALLEST_SIDE, 3),
        (batch, *options.camera, 3),
        (batch, *options.largest_image, 3),
    )
    return profile


def _load_timings(config: 'tensorrt.IBuilderConfig', path: Path) -> None:
    try:
        content = path.read_bytes()
    except OSError:
        content = b''
    cache: tensorrt.ITimingCache = config.create_timing_cache(content)
    config.set_timing_cache(cache, False)


def _save_timings(config: 'tensorrt.IBuilderConfig', path: Path) -> None:
    # A build that could not keep its timings is still a good build.
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix('.timing.part')
        part.write_bytes(bytes(config.get_timing_cache().serialize()))
        part.replace(path)
    except OSError:
        return
