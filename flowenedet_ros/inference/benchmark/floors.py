"""The least time a graph can take on paper: its arithmetic and its memory traffic."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference

from flowenedet_ros.inference.benchmark.graphs import STAGES, stages
from flowenedet_ros.inference.benchmark.machine import processor_flags
from flowenedet_ros.inference.benchmark.peaks import MACHINES, Machine, machine_of

CPU_BACKENDS = ('openvino', 'onnxruntime', 'pytorch-eager')
_BYTES = {'fp32': 4, 'fp16': 2, 'bf16': 2, 'int8': 1}


@dataclass
class Work:
    """Arithmetic and traffic.

    :param operations: multiplications and additions of convolutions and matrix products.
    :param weights: parameters.
    :param layer_values: values that convolutions and matrix products read and write, once each:
        what moves when all else is fused into them.
    """

    operations: float = 0.0
    weights: float = 0.0
    layer_values: float = 0.0

    def add(self, other: 'Work') -> None:
        """Add another part's work."""
        self.operations += other.operations
        self.weights += other.weights
        self.layer_values += other.layer_values


def count_work(model: onnx.ModelProto, height: int, width: int) -> dict[str, Work]:
    """Count the work of each stage of a fused fp32 graph for one camera image.

    :param height: of the camera image; so is `width`.
    """
    shapes = _shapes(model, height, width)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    stage_of = stages(model)
    work = {stage: Work() for stage in STAGES}
    for node in model.graph.node:
        work[stage_of[node.name]].add(_node_work(node, shapes, weights))
    return work


def _node_work(
    node: onnx.NodeProto, shapes: dict[str, tuple[int, ...]], weights: dict[str, onnx.TensorProto]
) -> Work:
    if node.op_type not in ('Conv', 'MatMul', 'Gemm'):
        return Work()
    given = [shapes.get(name, ()) for name in node.input[:2]]
    made = shapes.get(node.output[0], ())
    if node.op_type == 'Conv':
        depth = int(np.prod(given[1][1:]))
    else:
        depth = given[0][-1] if given[0] else 0
    moved = [node.output[0], *(name for name in node.input[:2] if name not in weights)]
    return Work(
        operations=2.0 * float(np.prod(made)) * depth,
        weights=float(sum(np.prod(weights[n].dims) for n in node.input if n in weights)),
        layer_values=float(sum(np.prod(shapes.get(name, (0,))) for name in moved)),
    )


def _shapes(model: onnx.ModelProto, height: int, width: int) -> dict[str, tuple[int, ...]]:
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    for place, size in zip(
        fixed.graph.input[0].type.tensor_type.shape.dim, (1, height, width, 3), strict=True
    ):
        place.Clear()
        place.dim_value = size
    fixed = shape_inference.infer_shapes(fixed, data_prop=True)
    graph = fixed.graph
    found = {
        value.name: tuple(size.dim_value for size in value.type.tensor_type.shape.dim)
        for value in (*graph.input, *graph.output, *graph.value_info)
    }
    return found | {
        tensor.name: tuple(numpy_helper.to_array(tensor).shape) for tensor in graph.initializer
    }


def floor_ms(work: Work, machine: Machine, precision: str) -> float:
    """Return the greater of the time for the arithmetic and the time for the traffic."""
    bytes_moved = (work.weights + work.layer_values) * _BYTES[precision]
    arithmetic = work.operations / (machine.tera[precision] * 1e12)
    return 1e3 * max(arithmetic, bytes_moved / (machine.gigabytes * 1e9))


def floor_table(model: onnx.ModelProto, height: int, width: int) -> dict[str, Any]:
    """Give work by stage and the floor of the whole graph on each machine and precision.

    A whole graph cannot be faster than the sum of its stages' floors.
    """
    work = count_work(model, height, width)
    return {
        'height': height,
        'width': width,
        'work': {
            stage: {
                'gflop': round(part.operations / 1e9, 4),
                'parameters': int(part.weights),
                'layer_mb_fp32': round(part.layer_values * 4 / 1e6, 2),
            }
            for stage, part in work.items()
        },
        'floors': [
            {
                'machine': machine.name,
                'precision': precision,
                'floor_ms': round(
                    sum(floor_ms(part, machine, precision) for part in work.values()), 4
                ),
                'source': machine.source,
            }
            for machine in MACHINES
            for precision in machine.tera
        ],
    }


def distances(rows: list[dict[str, Any]], floors: dict[str, Any]) -> list[dict[str, Any]]:
    """Say how many times its floor every measured fused graph of the CPU takes.

    CPU time is compared with the floor of one core, so that the number of threads and what else
    the machine does are no part of it. Rows of a processor with unknown peaks are left out.

    :param rows: of the benchmark.
    :param floors: `floor_table` by model, of the image size that was measured first.
    """
    machine = machine_of(processor_flags())
    found = []
    for row in rows:
        table = floors.get(row['model'])
        if machine is None or table is None or 'error' in row or row['graph'] != 'fused':
            continue
        size = table['height'], table['width']
        alike = (row['height'], row['width'], row['batch']) == (*size, 1)
        if not alike or row['backend'] not in CPU_BACKENDS:
            continue
        floor = next(
            item['floor_ms']
            for item in table['floors']
            if (item['machine'], item['precision']) == (machine.name, row['precision'])
        )
        found.append(
            {
                **{key: row[key] for key in ('model', 'backend', 'precision', 'height', 'width')},
                'batch': 1,
                'machine': machine.name,
                'floor_ms': floor,
                'cpu_ms': row['cpu_ms'],
                'times': round(row['cpu_ms'] / (2 * floor), 2),
            }
        )
    return found
