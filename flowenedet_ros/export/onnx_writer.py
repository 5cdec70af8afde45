"""Write the fused graph as ONNX."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from flowenedet_ros.export.errors import ExportError
from flowenedet_ros.export.fused import FusedGraph
from flowenedet_ros.export.readout import Reading
from flowenedet_ros.inference.backends.base import INPUTS, OUTPUTS, SEGMENTER_MARKS
from flowenedet_ros.inference.manifest import ScoreMap
from flowenedet_ros.inference.marks import (
    CALIBRATION,
    MARKS,
    PIXELS,
    READOUT_MARKS,
    set_calibration,
)

OPSET = 18
"""Newer ones bring operators that TensorRT 10 refuses (23: Attention)."""
# Equal constants are merged into one; these are like no other, and replaced after the export.
_PLACEHOLDERS = (1.1283791, 0.3678794, 1.2533141, 0.6065307)
EXAMPLE = (96, 160)
"""Height and width of the image that graphs are traced with."""


class _Marked(nn.Module):
    """The fused graph with everything that later commands want to find by name as an output."""

    def __init__(self, graph: FusedGraph) -> None:
        super().__init__()
        self.fused = graph

    def forward(
        self, image: Tensor, idm_threshold: Tensor, ood_threshold: Tensor
    ) -> tuple[Tensor, ...]:
        pixels = self.fused.preprocess(image)
        output = self.fused.segmenter(pixels)
        reading: Reading = self.fused.readout(output, idm_threshold, ood_threshold)
        marks = [x for x in (pixels, *output) if x is not None]
        return (*reading[: len(OUTPUTS)], *marks, *_readout_marks(reading))


def _readout_marks(reading: Reading) -> tuple[Tensor, ...]:
    return tuple(getattr(reading, name) for name in READOUT_MARKS)


def export_fused(graph: FusedGraph, batch: int | None = 1) -> onnx.ModelProto:
    """Turn the fused graph into ONNX.

    :param batch: images in a call; None leaves it open, at the price of some shape arithmetic.
    :raises ExportError: when PyTorch cannot export it, or the result has loops or branches.
    """
    present = [
        name
        for name, channels in zip(
            SEGMENTER_MARKS,
            (1, graph.segmenter.spec.embedding_channels, graph.segmenter.spec.deep_channels),
            strict=True,
        )
        if channels is not None
    ]
    with distinct_calibration(graph.readout) as score_maps:
        model = export_module(
            _Marked(graph),
            (torch.zeros((batch or 2, *EXAMPLE, 3), dtype=torch.uint8), *thresholds()),
            list(INPUTS),
            [*OUTPUTS, PIXELS, *present, *READOUT_MARKS],
            image_shape(batch),
        )
    hide_marks(model)
    finish(model)
    set_calibration(model, *score_maps)
    return model


def thresholds() -> tuple[Tensor, Tensor]:
    """Give example thresholds."""
    return torch.tensor([0.5]), torch.tensor([0.5])


def image_shape(batch: int | None) -> dict[str, Any]:
    """Say which sizes of the `image` input stay open."""
    dynamic = torch.export.Dim.DYNAMIC
    sizes: dict[int, Any] = {1: dynamic, 2: dynamic}
    if batch is None:
        sizes[0] = dynamic
    return {'image': sizes, 'idm_threshold': None, 'ood_threshold': None}


def export_module(
    module: nn.Module,
    arguments: tuple[Any, ...],
    inputs: Sequence[str],
    outputs: Sequence[str],
    dynamic_shapes: dict[str, Any] | None = None,
) -> onnx.ModelProto:
    """Export a module whose inputs and outputs are tensors.

    :raises ExportError: with PyTorch's own reason.
    """
    logging.getLogger('torch.onnx').setLevel(logging.ERROR)
    try:
        # The exporter prints its progress and warns of what does not concern this graph.
        with warnings.catch_warnings(), redirect_stdout(StringIO()), torch.no_grad():
            warnings.simplefilter('ignore')
            program = torch.onnx.export(
                module.eval(),
                arguments,
                None,
                input_names=inputs,
                output_names=outputs,
                opset_version=OPSET,
                dynamo=True,
                external_data=False,
                dynamic_shapes=dynamic_shapes,
                verbose=False,
            )
    except torch.onnx.errors.OnnxExporterError as error:
        reason = error.__cause__ or error
        raise ExportError(
            f'PyTorch cannot export the graph to ONNX: {type(reason).__name__}: {reason}'
        ) from error
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    return model


@contextmanager
def distinct_calibration(readout: nn.Module) -> Iterator[tuple[ScoreMap, ScoreMap]]:
    """Give the calibration while the module holds another, so that no two constants merge."""
    buffers = [getattr(readout, name) for name in CALIBRATION]
    values = [float(buffer) for buffer in buffers]
    for buffer, placeholder in zip(buffers, _PLACEHOLDERS, strict=True):
        buffer.fill_(placeholder)
    try:
        yield ScoreMap(*values[:2]), ScoreMap(*values[2:])
    finally:
        for buffer, value in zip(buffers, values, strict=True):
            buffer.fill_(value)


def hide_marks(model: onnx.ModelProto) -> None:
    """Make marked outputs inner values, which keep their names and types."""
    graph = model.graph
    marks = [output for output in graph.output if output.name in MARKS]
    for output in marks:
        graph.output.remove(output)
    known = {info.name for info in graph.value_info}
    graph.value_info.extend(output for output in marks if output.name not in known)


def finish(model: onnx.ModelProto) -> None:
    """Name sizes, drop what tells of the exporting machine, and check the graph.

    :raises ExportError: when the graph has a loop or a branch, or is no valid ONNX.
    """
    _short_names(model)
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ''
        if node.op_type in ('Loop', 'If', 'Scan'):
            raise ExportError(
                f'the graph has a {node.op_type} ({node.name}), which static engines do not take: '
                'write the model without control flow that depends on data'
            )
    for info in (*model.graph.value_info, *model.graph.initializer):
        del info.metadata_props[:]
        info.doc_string = ''
    del model.metadata_props[:]
    model.doc_string = ''
    model.producer_name, model.producer_version = 'flowenedet_ros', ''
    _name_sizes(model)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f'the exported graph is not valid ONNX: {error}') from error


def _short_names(model: onnx.ModelProto) -> None:
    """Give the calibration initializers their names without the module path."""
    renamed = {
        tensor.name: tensor.name.rsplit('.', 1)[-1]
        for tensor in model.graph.initializer
        if tensor.name.rsplit('.', 1)[-1] in CALIBRATION
    }
    for tensor in model.graph.initializer:
        tensor.name = renamed.get(tensor.name, tensor.name)
    for node in model.graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = renamed.get(name, name)


def _name_sizes(model: onnx.ModelProto) -> None:
    symbols: dict[str, str] = {}
    image = next(value for value in model.graph.input if value.name == 'image')
    for size, letter in zip(image.type.tensor_type.shape.dim, 'NHW', strict=False):
        if size.dim_param:
            symbols[size.dim_param] = letter
    values = (*model.graph.input, *model.graph.output, *model.graph.value_info)
    for value in values:
        for size in value.type.tensor_type.shape.dim:
            if size.dim_param in symbols:
                size.dim_param = symbols[size.dim_param]
