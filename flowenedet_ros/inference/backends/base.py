"""What every runtime of the fused graph looks like."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from flowenedet_ros.inference.errors import BundleError
from flowenedet_ros.inference.perception import Thresholds

Precision = Literal['fp32', 'fp16', 'bf16', 'int8']
PRECISIONS: tuple[Precision, ...] = ('fp32', 'fp16', 'bf16', 'int8')
INPUTS: Mapping[str, tuple[str, int]] = {
    'image': ('uint8', 4),
    'idm_threshold': ('float32', 1),
    'ood_threshold': ('float32', 1),
}
"""Name to element type and rank, in the order in which the graph declares them."""
OUTPUTS: Mapping[str, tuple[str, int]] = {
    'labels': ('uint8', 3),
    'idm_mask': ('uint8', 3),
    'ood_mask': ('uint8', 3),
    'idm_score': ('float32', 3),
    'ood_score': ('float32', 3),
    'nonfinite': ('int32', 1),
}
SEGMENTER_MARKS = ('logits', 'embedding', 'deep')
"""Values inside the graph: what the segmenter gave, where it gives it."""


class Outputs(NamedTuple):
    """What the graph gives for N images; the arrays belong to the caller."""

    labels: NDArray[np.uint8]
    """(N, H, W) class ids at the network's input size."""
    idm_mask: NDArray[np.uint8]
    """(N, H, W), 0 or 255."""
    ood_mask: NDArray[np.uint8]
    """(N, H, W), 0 or 255."""
    idm_score: NDArray[np.float32]
    """(N, h, w) in [0, 1]."""
    ood_score: NDArray[np.float32]
    """(N, h, w) in [0, 1]."""
    nonfinite: NDArray[np.int32]
    """(N,) replaced pixels."""


class Backend(Protocol):
    """A loaded graph, used from one thread at a time."""

    name: str
    """As in the `backend` parameter."""
    precision: Precision
    device: str
    """The hardware in words."""
    file: Path
    """What was loaded: the ONNX file, or the engine built from it."""
    batches: bool
    """Whether one call takes several images."""

    def infer(self, images: NDArray[np.uint8], thresholds: Thresholds) -> Outputs:
        """Run the graph.

        :param images: (N, H, W, 3), C-contiguous, in the bundle's channel order.
        :raises BackendError: when the runtime fails; the backend may be dead afterwards.
        """
        ...

    def close(self) -> None:
        """Free what the runtime holds."""
        ...


Progress = Callable[[str, float], None]
"""Called with what is being done and the fraction that is done, from any thread."""


@dataclass(frozen=True)
class RuntimeOptions:
    """How a backend may use the machine; TensorRT alone reads what is below `gpu_id`.

    :param threads: of the CPU backends; 0 leaves the choice to the runtime.
    :param gpu_id: which NVIDIA GPU.
    :param dla_core: deep-learning accelerator of a Jetson, None for the GPU.
    :param workspace_mb: scratch memory that a build may use; 0 sets no limit.
    :param camera: (height, width) that engines are tuned for; others run too.
    :param largest_image: (height, width) of the largest image that an engine takes.
    :param batch: images in a call, as many as there are cameras.
    :param engine_cache: folder of built engines, None for the user's cache folder.
    :param on_bad_engine: what to do with a damaged or foreign engine in the cache.
    :param progress: told how far the build of an engine is.
    """

    threads: int = 0
    gpu_id: int = 0
    dla_core: int | None = None
    workspace_mb: int = 0
    camera: tuple[int, int] = (720, 1280)
    largest_image: tuple[int, int] = (2160, 3840)
    batch: int = 1
    engine_cache: Path | None = None
    on_bad_engine: Literal['rebuild', 'error'] = 'rebuild'
    progress: Progress | None = None


def check_signature(
    inputs: Mapping[str, tuple[str, int]], outputs: Mapping[str, tuple[str, int]], path: Path
) -> None:
    """Refuse an ONNX file that is not a fused graph.

    :param inputs: what the file declares: name to element type and rank.
    :raises BundleError: naming the first difference.
    """
    for kind, found, wanted in (('input', inputs, INPUTS), ('output', outputs, OUTPUTS)):
        for name, (dtype, rank) in wanted.items():
            if found.get(name) != (dtype, rank):
                there = ', '.join(f'{key} {value[0]}[{value[1]}d]' for key, value in found.items())
                raise BundleError(
                    f'{path}: {kind} `{name}` {dtype}[{rank}d] was expected, found {there}; '
                    'write the file with `flowenedet export`'
                )
