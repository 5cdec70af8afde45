"""The fused graph around a segmenter that exists as an ONNX or TorchScript file only."""

from collections.abc import Mapping

import onnx
import torch
from onnx import helper
from torch import Tensor, nn

from flowenedet_ros.export.fused import FusedGraph
from flowenedet_ros.export.onnx_writer import (
    EXAMPLE,
    OPSET,
    distinct_calibration,
    export_module,
    finish,
    hide_marks,
    image_shape,
    thresholds,
)
from flowenedet_ros.export.readout import Readout
from flowenedet_ros.inference.backends.base import INPUTS, OUTPUTS, SEGMENTER_MARKS
from flowenedet_ros.inference.marks import (
    PIXELS,
    READOUT_MARKS,
    set_calibration,
)
from flowenedet_ros.segmenters.foreign import ForeignNetwork
from flowenedet_ros.segmenters.foreign_graph import standard_graph
from flowenedet_ros.segmenters.interface import FrozenSegmenter, SegmenterOutput

_THRESHOLDS = list(INPUTS)[1:]


def is_foreign(segmenter: FrozenSegmenter) -> bool:
    """Tell whether the segmenter came as an ONNX or TorchScript file.

    `torch.onnx.export` takes neither inside a larger module; `export_foreign` joins its graph.
    """
    return isinstance(segmenter.network, ForeignNetwork)


class _Back(nn.Module):
    def __init__(self, readout: Readout, kinds: tuple[str, ...]) -> None:
        super().__init__()
        self.readout = readout
        self.kinds = kinds

    def forward(
        self, maps: tuple[Tensor, ...], idm_threshold: Tensor, ood_threshold: Tensor
    ) -> tuple[Tensor, ...]:
        given = dict(zip(self.kinds, maps, strict=True))
        output = SegmenterOutput(given['logits'], given.get('embedding'), given.get('deep'))
        reading = self.readout(output, idm_threshold, ood_threshold)
        return (*reading[: len(OUTPUTS)], *(getattr(reading, name) for name in READOUT_MARKS))


def export_foreign(fused: FusedGraph) -> onnx.ModelProto:
    """Join preprocessing, the foreign file and the read-out into one graph of batch 1.

    :raises SegmenterError: when the file cannot be brought to the exporter's opset.
    :raises ExportError: when the joined graph is not valid.
    """
    front = _export_front(fused)
    middle = standard_graph(fused.segmenter, OPSET)
    _rename(middle, {'images': PIXELS}, '')
    with distinct_calibration(fused.readout) as score_maps:
        back = _export_back(fused)
    model = _join(front, middle, back)
    hide_marks(model)
    finish(model)
    set_calibration(model, *score_maps)
    return model


def _export_front(fused: FusedGraph) -> onnx.ModelProto:
    image = torch.zeros((1, *EXAMPLE, 3), dtype=torch.uint8)
    shape = {'image': image_shape(1)['image']}
    model = export_module(fused.preprocess, (image,), ['image'], [PIXELS], shape)
    _rename(model, {'image': 'image', PIXELS: PIXELS}, 'front/')
    return model


def _export_back(fused: FusedGraph) -> onnx.ModelProto:
    with torch.no_grad():
        output = fused.segmenter(torch.zeros(1, 3, *fused.segmenter.spec.input_size))
    given = {kind: x for kind in SEGMENTER_MARKS if (x := getattr(output, kind)) is not None}
    outputs = [*OUTPUTS, *READOUT_MARKS]
    model = export_module(
        _Back(fused.readout, tuple(given)),
        (tuple(given.values()), *thresholds()),
        [*given, *_THRESHOLDS],
        outputs,
    )
    _rename(model, {name: name for name in (*given, *_THRESHOLDS, *outputs)}, 'back/')
    return model


def _rename(model: onnx.ModelProto, names: Mapping[str, str], prefix: str) -> None:
    """Rename every value of a graph: as told, else by a prefix; an absent input stays absent."""

    def new(name: str) -> str:
        return names.get(name, prefix + name) if name else name

    graph = model.graph
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        value.name = new(value.name)
    for node in graph.node:
        node.name = prefix + node.name
        node.input[:] = [new(name) for name in node.input]
        node.output[:] = [new(name) for name in node.output]


def _join(*parts: onnx.ModelProto) -> onnx.ModelProto:
    front, middle, back = (part.graph for part in parts)
    graph = helper.make_graph(
        [node for part in parts for node in part.graph.node],
        'fused',
        [*front.input, *(value for value in back.input if value.name in INPUTS)],
        list(back.output),
        [tensor for part in parts for tensor in part.graph.initializer],
        value_info=[
            *front.value_info,
            *front.output,
            *middle.value_info,
            *middle.output,
            *back.value_info,
        ],
    )
    domains = {item.domain: item for part in parts for item in part.opset_import}
    return helper.make_model(
        graph,
        opset_imports=list(domains.values()),
        ir_version=max(part.ir_version for part in parts),
    )
