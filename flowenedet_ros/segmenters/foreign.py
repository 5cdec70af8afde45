"""Any other segmenter, as ONNX or TorchScript beside a small YAML description."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from flowenedet_ros.segmenters.description import Description, Outputs, read_description
from flowenedet_ros.segmenters.errors import SegmenterError
from flowenedet_ros.segmenters.interface import FrozenSegmenter, SegmenterOutput, SegmenterSpec

KINDS = ('logits', 'embedding', 'deep')


class ForeignNetwork(nn.Module):
    """A network made elsewhere: RGB in, `SegmenterOutput` out, extra logit channels dropped."""

    def __init__(self, description: Description) -> None:
        super().__init__()
        self.description = description

    def run(self, images: Tensor) -> SegmenterOutput:
        """Give the raw outputs for images in the network's own channel order."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> SegmenterOutput:
        """Segment images normalised as the spec says, float (N, 3, H, W) in RGB order."""
        if self.description.channel_order == 'bgr':
            images = images.flip(1)
        output = self.run(images)
        return output._replace(logits=output.logits[:, : len(self.description.classes)])


class OnnxNetwork(ForeignNetwork):
    """An ONNX file run by ONNX Runtime on the CPU."""

    def __init__(self, description: Description) -> None:
        import onnxruntime  # type: ignore[import-untyped]

        super().__init__(description)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        try:
            self.session = onnxruntime.InferenceSession(
                description.file, options, providers=['CPUExecutionProvider']
            )
        except Exception as error:
            raise SegmenterError(f'{description.file} is no usable ONNX file: {error}') from error
        inputs = self.session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type != 'tensor(float)':
            found = ', '.join(f'{i.name} {i.type} {i.shape}' for i in inputs)
            raise SegmenterError(
                f'{description.file} must take one float32 image [N, 3, H, W], it takes {found}'
            )
        self.input_name: str = inputs[0].name
        self.fixed_batch: bool = inputs[0].shape[0] == 1
        names = [output.name for output in self.session.get_outputs()]
        self.names = _output_names(description, names)

    def run(self, images: Tensor) -> SegmenterOutput:
        """Run the session, picture by picture where the file holds a batch of one."""
        array = images.detach().cpu().float().numpy()
        parts = np.split(array, len(array)) if self.fixed_batch else [array]
        wanted = [name for name in self.names if name is not None]
        try:
            results = [self.session.run(wanted, {self.input_name: part}) for part in parts]
        except Exception as error:
            raise SegmenterError(
                f'{self.description.file} cannot run on an image of {array.shape[3]}x'
                f'{array.shape[2]} pixels: {error}'
            ) from error
        joined = [
            torch.from_numpy(np.concatenate(maps)).to(images.device)
            for maps in zip(*results, strict=True)
        ]
        found = iter(joined)
        return SegmenterOutput(*(None if name is None else next(found) for name in self.names))  # type: ignore[arg-type]


class TorchScriptNetwork(ForeignNetwork):
    """A TorchScript file, which PyTorch interprets; no Python code of it is ever run."""

    def __init__(self, description: Description) -> None:
        super().__init__(description)
        try:
            self.script = torch.jit.load(str(description.file), map_location='cpu').eval()  # type: ignore[no-untyped-call]
        except Exception as error:
            raise SegmenterError(
                f'{description.file} is no usable TorchScript file: {error}'
            ) from error

    def run(self, images: Tensor) -> SegmenterOutput:
        """Run the script and pick the described outputs."""
        found: Any = self.script(images)
        maps = [found] if isinstance(found, Tensor) else found
        places: Outputs = self.description.outputs
        return SegmenterOutput(
            *(self._pick(maps, kind, getattr(places, kind)) for kind in KINDS)  # type: ignore[arg-type]
        )

    def _pick(self, maps: Any, kind: str, place: str | int | None) -> Tensor | None:
        if place is None:
            return None
        try:
            picked = maps[place]
        except (LookupError, TypeError) as error:
            raise SegmenterError(
                f'{self.description.file}: its output has no {place!r}, which the description '
                f'names as `outputs.{kind}`'
            ) from error
        if not isinstance(picked, Tensor):
            raise SegmenterError(f'{self.description.file}: output {place!r} is no tensor')
        return picked


def _output_names(description: Description, names: list[str]) -> list[str | None]:
    chosen: list[str | None] = []
    for kind in KINDS:
        place = getattr(description.outputs, kind)
        if isinstance(place, int) and 0 <= place < len(names):
            chosen.append(names[place])
        elif place is None or place in names:
            chosen.append(place)
        else:
            raise SegmenterError(
                f'{description.file} has no output {place!r}, which the description names as '
                f'`outputs.{kind}`; it has {", ".join(names)}'
            )
    return chosen


def _probe(network: ForeignNetwork) -> SegmenterOutput:
    """Run one grey image and check what comes out against the description."""
    described = network.description
    height, width = described.input_size
    try:
        with torch.inference_mode():
            raw = network.run(torch.zeros(1, 3, height, width))
    except SegmenterError:
        raise
    except Exception as error:
        raise SegmenterError(
            f'{described.file} does not take the described {width}x{height} image: {error}'
        ) from error
    expected = (
        1,
        len(described.classes) + described.extra_outputs,
        -(-height // described.logit_stride),
        -(-width // described.logit_stride),
    )
    if tuple(raw.logits.shape) != expected:
        raise SegmenterError(
            f'{described.file} gives logits of shape {tuple(raw.logits.shape)}, but '
            f'{len(described.classes)} classes, {described.extra_outputs} extra outputs and stride '
            f'{described.logit_stride} at {width}x{height} make {expected}'
        )
    if raw.embedding is not None and raw.embedding.shape[2:] != raw.logits.shape[2:]:
        raise SegmenterError(
            f'{described.file}: the embedding is {tuple(raw.embedding.shape)}, but must have the '
            f'height and width of the logits, {tuple(raw.logits.shape[2:])}'
        )
    return raw


def load_foreign(path: Path) -> FrozenSegmenter:
    """Load the segmenter that a YAML file describes, and check it on one image.

    :raises SegmenterError: where the description, the file or their agreement is wrong.
    """
    described = read_description(path)
    if not described.file.is_file():
        raise SegmenterError(f'{path}: there is no file {described.file}')
    is_onnx = described.file.suffix == '.onnx'
    network = OnnxNetwork(described) if is_onnx else TorchScriptNetwork(described)
    raw = _probe(network)
    flip = slice(None, None, -1 if described.channel_order == 'bgr' else 1)
    height = described.input_size[0]
    spec = SegmenterSpec(
        architecture=described.name,
        classes=described.classes,
        input_size=described.input_size,
        logit_stride=described.logit_stride,
        embedding_channels=None if raw.embedding is None else raw.embedding.shape[1],
        deep_channels=None if raw.deep is None else raw.deep.shape[1],
        deep_stride=None if raw.deep is None else round(height / raw.deep.shape[2]),
        mean=described.mean[flip],  # type: ignore[arg-type]
        std=described.std[flip],  # type: ignore[arg-type]
    )
    return FrozenSegmenter(network, spec)
