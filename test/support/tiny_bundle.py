"""A small but real model folder: a fused graph of a few convolutions, made without torch."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import yaml
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

CLASSES = ('road', 'car', 'sky', 'building', 'pedestrian')
STRIDE = 4
_WIDTH = 16
_OPSET = 18


def write_tiny_bundle(
    folder: Path,
    *,
    name: str = 'tiny',
    height: int = 96,
    width: int = 128,
    slow_convolutions: int = 0,
    nan_on_black: bool = False,
    fp16: bool = False,
) -> Path:
    """Write a bundle whose graph follows the contract and runs in about a millisecond.

    :param height: of the network's input, a multiple of 4; cameras may have any size.
    :param slow_convolutions: 3x3 convolutions of 128 channels to add, each some milliseconds.
    :param nan_on_black: make NaN logits where the picture is black.
    :param fp16: write `model_fp16.onnx` too, with the convolutions in half precision.
    :returns: the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    graph = _Graph(height, width, slow_convolutions, nan_on_black)
    (folder / 'model.onnx').write_bytes(graph.build(half=False))
    if fp16:
        (folder / 'model_fp16.onnx').write_bytes(graph.build(half=True))
    save_file({'weight': np.zeros(4, np.float32)}, folder / 'flow.safetensors')
    _write_self_test(folder, height, width)
    content = _manifest(name, height, width)
    content['files'] = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.suffix in ('.onnx', '.safetensors', '.npz')
    }
    (folder / 'model.yaml').write_text(yaml.safe_dump(content, sort_keys=False))
    return folder


def smooth_image(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Give a picture of broad coloured patches, (height, width, 3) uint8."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3)).astype(np.float64)
    rows = np.linspace(0, 5, height)
    columns = np.linspace(0, 7, width)
    top, left = rows.astype(int).clip(0, 4), columns.astype(int).clip(0, 6)
    down, right = (rows - top)[:, None, None], (columns - left)[None, :, None]
    upper = coarse[top][:, left] * (1 - right) + coarse[top][:, left + 1] * right
    lower = coarse[top + 1][:, left] * (1 - right) + coarse[top + 1][:, left + 1] * right
    return np.ascontiguousarray(upper * (1 - down) + lower * down, np.uint8)


class _Graph:
    """Nodes and constants of the fused graph, in the order in which they run."""

    def __init__(self, height: int, width: int, slow_convolutions: int, nan_on_black: bool) -> None:
        self.size = (height, width)
        self.slow_convolutions = slow_convolutions
        self.nan_on_black = nan_on_black

    def build(self, half: bool) -> bytes:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.random = np.random.default_rng(7)
        self.half = half
        pixels = self.resized_image()
        logits = self.finite(self.logits(pixels), pixels)
        self.decide(logits)
        return self.model().SerializeToString()

    def add(self, op: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def constant(self, name: str, value: object, dtype: type) -> str:
        self.constants.append(numpy_helper.from_array(np.array(value, dtype), name))
        return name

    def resized_image(self) -> str:
        self.add('Cast', ['image'], 'levels', to=TensorProto.FLOAT)
        self.add('Transpose', ['levels'], 'planes', perm=[0, 3, 1, 2])
        self.resize('planes', 'resized')
        return self.add('Div', ['resized', self.constant('d255', 255.0, np.float32)], 'pixels')

    def resize(self, source: str, output: str) -> str:
        # TensorRT ignores the `axes` attribute, so that all four sizes are given.
        shape = self.add('Shape', [source], f'{output}_shape', end=2)
        wanted = self.constant(f'{output}_size', self.size, np.int64)
        sizes = self.add('Concat', [shape, wanted], f'{output}_sizes', axis=0)
        return self.add(
            'Resize',
            [source, '', '', sizes],
            output,
            mode='linear',
            coordinate_transformation_mode='half_pixel',
        )

    def convolution(
        self, source: str, output: str, channels: tuple[int, int], size: int, stride: int = 1
    ) -> str:
        fan_in, fan_out = channels
        dtype = np.float16 if self.half else np.float32
        weight = self.random.normal(0, 1.4 / (size * fan_in**0.5), (fan_out, fan_in, size, size))
        bias = self.random.normal(0, 0.3, fan_out)
        return self.add(
            'Conv',
            [
                source,
                self.constant(f'{output}_w', weight, dtype),
                self.constant(f'{output}_b', bias, dtype),
            ],
            output,
            strides=[stride, stride],
            pads=[size // 2] * 4,
        )

    def logits(self, pixels: str) -> str:
        x = pixels
        if self.half:
            x = self.add('Cast', [x], 'pixels16', to=TensorProto.FLOAT16)
        x = self.relu(self.convolution(x, 'stem', (3, _WIDTH), 3, 2))
        x = self.relu(self.convolution(x, 'down', (_WIDTH, _WIDTH), 3, 2))
        for i in range(self.slow_convolutions):
            x = self.relu(self.convolution(x, f'wide{i}', (_WIDTH, 128), 3))
            x = self.relu(self.convolution(x, f'back{i}', (128, _WIDTH), 3))
        x = self.convolution(x, 'classifier', (_WIDTH, len(CLASSES)), 1)
        if self.half:
            x = self.add('Cast', [x], 'logits32', to=TensorProto.FLOAT)
        return self.add('Mul', [x, self.constant('sharpness', 12.0, np.float32)], 'raw_logits')

    def relu(self, source: str) -> str:
        return self.add('Relu', [source], f'{source}_relu')

    def finite(self, logits: str, pixels: str) -> str:
        if self.nan_on_black:
            zero = self.constant('zero', 0.0, np.float32)
            light = self.add('AveragePool', [pixels], 'light', kernel_shape=[4, 4], strides=[4, 4])
            bright = self.add('ReduceMax', [light, self.constant('c1', [1], np.int64)], 'bright')
            poison = self.add('Mul', [self.add('Log', [bright], 'dark'), zero], 'poison')
            logits = self.add('Add', [logits, poison], 'poisoned')
        size = self.add('Abs', [logits], 'magnitude')
        good = self.add('Less', [size, self.constant('huge', 3e38, np.float32)], 'good')
        count = self.add('Cast', [self.add('Not', [good], 'bad')], 'bad_f', to=TensorProto.FLOAT)
        axes = [self.constant('bad_axes', [1], np.int64), self.constant('map', [1, 2], np.int64)]
        self.add('ReduceMax', [count, axes[0]], 'bad_pixels', keepdims=0)
        self.add('ReduceSum', ['bad_pixels', axes[1]], 'bad_sum', keepdims=0)
        self.add('Cast', ['bad_sum'], 'nonfinite', to=TensorProto.INT32)
        return self.add(
            'Where', [good, logits, self.constant('replacement', 0.0, np.float32)], 'logits'
        )

    def decide(self, logits: str) -> None:
        channel = self.constant('channel', [1], np.int64)
        self.resize(logits, 'big_logits')
        self.add('ArgMax', ['big_logits'], 'ids', axis=1, keepdims=0)
        self.add('Cast', ['ids'], 'labels', to=TensorProto.UINT8)
        total = self.add('ReduceLogSumExp', [logits, channel], 'total')
        best = self.add('ReduceMax', [logits, channel], 'best')
        doubt = self.add('Sub', [total, best], 'doubt')
        self.score('idm', doubt, 3.0, -1.0)
        self.score('ood', total, -0.4, 1.0)

    def score(self, task: str, raw: str, scale: float, offset: float) -> None:
        scaled = self.add(
            'Mul', [raw, self.constant(f'{task}_scale', scale, np.float32)], f'{task}_scaled'
        )
        moved = self.add(
            'Add', [scaled, self.constant(f'{task}_offset', offset, np.float32)], f'{task}_moved'
        )
        plane = self.add('Sigmoid', [moved], f'{task}_plane')
        channel = self.constant(f'{task}_channel', [1], np.int64)
        self.add('Squeeze', [plane, channel], f'{task}_score')
        self.resize(plane, f'{task}_big')
        self.add('Squeeze', [f'{task}_big', channel], f'{task}_flat')
        self.add('GreaterOrEqual', [f'{task}_flat', f'{task}_threshold'], f'{task}_on')
        self.add('Cast', [f'{task}_on'], f'{task}_float', to=TensorProto.FLOAT)
        full = self.constant(f'{task}_255', 255.0, np.float32)
        self.add('Mul', [f'{task}_float', full], f'{task}_level')
        self.add('Cast', [f'{task}_level'], f'{task}_mask', to=TensorProto.UINT8)

    def model(self) -> onnx.ModelProto:
        height, width = self.size
        full = ['N', height, width]
        low = ['N', -(-height // STRIDE), -(-width // STRIDE)]
        graph = helper.make_graph(
            self.nodes,
            'tiny',
            [
                helper.make_tensor_value_info('image', TensorProto.UINT8, ['N', 'H', 'W', 3]),
                helper.make_tensor_value_info('idm_threshold', TensorProto.FLOAT, [1]),
                helper.make_tensor_value_info('ood_threshold', TensorProto.FLOAT, [1]),
            ],
            [
                helper.make_tensor_value_info('labels', TensorProto.UINT8, full),
                helper.make_tensor_value_info('idm_mask', TensorProto.UINT8, full),
                helper.make_tensor_value_info('ood_mask', TensorProto.UINT8, full),
                helper.make_tensor_value_info('idm_score', TensorProto.FLOAT, low),
                helper.make_tensor_value_info('ood_score', TensorProto.FLOAT, low),
                helper.make_tensor_value_info('nonfinite', TensorProto.INT32, ['N']),
            ],
            self.constants,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid('', _OPSET)], ir_version=9
        )
        onnx.checker.check_model(model, full_check=True)
        return model


def _write_self_test(folder: Path, height: int, width: int) -> None:
    session = onnxruntime.InferenceSession(
        str(folder / 'model.onnx'), providers=['CPUExecutionProvider']
    )
    images = np.stack([smooth_image(height + 24, width + 32, seed) for seed in (1, 2)])
    thresholds = {key: np.array([0.5], np.float32) for key in ('idm_threshold', 'ood_threshold')}
    labels, idm, ood = session.run(
        ['labels', 'idm_score', 'ood_score'], {'image': images, **thresholds}
    )
    np.savez_compressed(
        folder / 'self_test.npz', images=images, labels=labels, idm_score=idm, ood_score=ood
    )


def _manifest(name: str, height: int, width: int) -> dict[str, object]:
    colors = ([128, 64, 128], [0, 0, 142], [70, 130, 180], [70, 70, 70], [220, 20, 60])
    points = {
        'cautious': {'idm': 0.3, 'ood': 0.3, 'idm_fpr': 0.1, 'ood_fpr': 0.03},
        'balanced': {'idm': 0.5, 'ood': 0.5, 'idm_fpr': 0.05, 'ood_fpr': 0.01},
        'permissive': {'idm': 0.8, 'ood': 0.8, 'idm_fpr': 0.01, 'ood_fpr': 0.001},
    }
    return {
        'format': 1,
        'name': name,
        'segmenter': {'architecture': 'tiny', 'parameters': 3000, 'miou': {}},
        'classes': [
            {'name': label, 'color': color} for label, color in zip(CLASSES, colors, strict=True)
        ],
        'planner_classes': {'uncertain': 253, 'unknown_obstacle': 254},
        'input': {
            'height': height,
            'width': width,
            'channel_order': 'bgr',
            'mean': [0.0, 0.0, 0.0],
            'std': [255.0, 255.0, 255.0],
        },
        'output': {'stride': STRIDE, 'mode': 'mid'},
        'detector': {'variant': 'flowenedet', 'parameters': 4},
        'calibration': {
            'idm': {'scale': 3.0, 'offset': -1.0},
            'ood': {'scale': 0.4, 'offset': 1.0},
            'operating_points': points,
            'guarantee': 'none: random weights',
            'images': 0,
            'data': 'none',
        },
        'versions': {'flowenedet_ros': '0.1.0'},
        'training': {'data': 'none', 'seed': 7},
    }
