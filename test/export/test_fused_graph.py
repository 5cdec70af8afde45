"""The exported graph computes what eager PyTorch computes, in every mode and precision."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from small_parts import SIZE, pictures, small_detector, small_graph, small_segmenter

from flowenedet_ros.export.agreement import correlation
from flowenedet_ros.export.decisions import PhaseDecisions, ResizedDecisions, decisions
from flowenedet_ros.export.errors import ExportError
from flowenedet_ros.export.fused import FusedGraph, perceive
from flowenedet_ros.export.half import to_half
from flowenedet_ros.export.onnx_writer import export_fused
from flowenedet_ros.export.quantize import to_int8
from flowenedet_ros.inference.backends.base import INPUTS, OUTPUTS, RuntimeOptions
from flowenedet_ros.inference.backends.openvino import OpenVinoBackend
from flowenedet_ros.inference.backends.openvino_channels import reverse_by_pieces
from flowenedet_ros.inference.backends.openvino_decisions import blend_axis_by_axis
from flowenedet_ros.inference.errors import BundleError
from flowenedet_ros.inference.manifest import ScoreMap
from flowenedet_ros.inference.marks import (
    get_calibration,
    marked_values,
    segmenter_nodes,
    set_calibration,
    with_outputs,
)
from flowenedet_ros.inference.openvino_core import openvino_core
from flowenedet_ros.inference.perception import Thresholds


def run(model, images, idm=0.5, ood=0.5, outputs=None):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=['CPUExecutionProvider']
    )
    feeds = {
        'image': images,
        'idm_threshold': np.array([idm], np.float32),
        'ood_threshold': np.array([ood], np.float32),
    }
    names = outputs or list(OUTPUTS)
    return dict(zip(names, session.run(names, feeds), strict=True))


@pytest.fixture(scope='module')
def exported():
    plain = perceive(small_graph(), torch.from_numpy(pictures()))
    idm = ScoreMap(0.7, -0.7 * _middle(plain.idm_score))
    graph = small_graph(idm=idm, ood=ScoreMap(0.4, -0.4 * _middle(plain.ood_score)))
    return graph, export_fused(graph)


def _middle(score):
    """Log-odds that half of the pixels exceed, so that masks are neither empty nor full."""
    return float(score.double().logit().median())


def assert_same(found, reading, tolerance=2e-5):
    for name in ('idm_score', 'ood_score'):
        assert np.abs(found[name] - getattr(reading, name).numpy()).max() < tolerance
    for name in ('labels', 'idm_mask', 'ood_mask'):
        expected = getattr(reading, name).numpy()
        assert found[name].dtype == np.uint8
        assert (found[name] == expected).mean() > 0.999
    assert (found['nonfinite'] == reading.nonfinite.numpy()).all()


def test_contract_of_names_types_and_sizes(exported):
    _, model = exported
    assert [value.name for value in model.graph.input] == list(INPUTS)
    assert [value.name for value in model.graph.output] == list(OUTPUTS)
    sizes = {
        value.name: [size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    assert sizes['image'] == [1, 'H', 'W', 3]
    assert sizes['labels'] == [1, *SIZE]
    assert sizes['ood_score'] == [1, SIZE[0] // 4, SIZE[1] // 4]
    assert sizes['nonfinite'] == [1]


def test_edges_suit_tensorrt(exported):
    """TensorRT takes uint8 in a Cast only."""
    _, model = exported
    nodes = model.graph.node
    assert {node.op_type for node in nodes if 'image' in node.input} == {'Cast'}
    for name in ('labels', 'idm_mask', 'ood_mask'):
        assert [node.op_type for node in nodes if name in node.output] == ['Cast']
    assert not {node.op_type for node in nodes} & {'Loop', 'If', 'Scan', 'Shape'}


def test_nothing_of_the_exporting_machine_is_inside(exported):
    _, model = exported
    assert b'/flowenedet_ros/' not in model.SerializeToString()
    assert b'.py' not in model.SerializeToString()


@pytest.mark.parametrize('size', [(80, 120), (200, 300), SIZE])
def test_same_as_eager_at_any_image_size(exported, size):
    graph, model = exported
    images = pictures(1, *size)
    reading = perceive(graph, torch.from_numpy(images))
    assert len(np.unique(reading.labels)) >= 3
    assert 0.02 < (reading.idm_mask > 0).float().mean() < 0.98
    assert_same(run(model, images), reading)


@pytest.mark.parametrize('size', [(80, 120), SIZE])
def test_openvino_computes_the_same(exported, tmp_path, size):
    graph, model = exported
    onnx.save(model, tmp_path / 'model.onnx')
    images = pictures(1, *size)
    backend = OpenVinoBackend(tmp_path / 'model.onnx', 'fp32', RuntimeOptions())
    found = backend.infer(images, Thresholds(0.5, 0.5))
    assert_same(found._asdict(), perceive(graph, torch.from_numpy(images)))


@pytest.fixture
def read(exported, tmp_path):
    """The graph as OpenVINO reads it, of fixed shapes."""
    onnx.save(exported[1], tmp_path / 'model.onnx')
    model = openvino_core().read_model(tmp_path / 'model.onnx')
    model.reshape({'image': [1, *SIZE, 3]})
    return model


def test_openvino_enlarges_logits_without_the_convolution(read):
    before = _count(read, 'GroupConvolution')
    blend_axis_by_axis(read)
    assert _count(read, 'GroupConvolution') == before - 1


def test_openvino_turns_bgr_to_rgb_without_a_slice(read):
    before = _count(read, 'Slice'), _count(read, 'Split')
    reverse_by_pieces(read)
    assert (_count(read, 'Slice'), _count(read, 'Split')) == (before[0] - 1, before[1] + 1)


def _count(model, kind):
    return [node.get_type_name() for node in model.get_ops()].count(kind)


def test_thresholds_change_masks_and_nothing_else(exported):
    _, model = exported
    images = pictures(1)
    low, high = run(model, images, 0.0, 0.0), run(model, images, 1.0, 1.0)
    assert (low['idm_mask'] == 255).all()
    assert (low['ood_mask'] == 255).all()
    assert not high['idm_mask'].any()
    assert (low['idm_score'] == high['idm_score']).all()


@pytest.mark.parametrize('variant', ['fed_u', 'fed_c'])
def test_quarter_mode_and_published_detectors(variant):
    graph = small_graph(variant, mode='quarter')
    images = pictures(1)
    found = run(export_fused(graph), images)
    assert_same(found, perceive(graph, torch.from_numpy(images)))
    blocks = found['labels'].reshape(1, SIZE[0] // 4, 4, SIZE[1] // 4, 4)
    assert (blocks == blocks[:, :, :1, :, :1]).all()


def test_open_batch():
    graph = small_graph()
    model = export_fused(graph, batch=None)
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == 'N'
    images = pictures(3)
    assert_same(run(model, images), perceive(graph, torch.from_numpy(images)))


def test_rgb_cameras():
    images = pictures(1)
    bgr = perceive(small_graph(), torch.from_numpy(images))
    flipped = np.ascontiguousarray(images[..., ::-1])
    rgb = perceive(small_graph(channel_order='rgb'), torch.from_numpy(flipped))
    assert (bgr.labels == rgb.labels).all()
    assert torch.allclose(bgr.ood_score, rgb.ood_score, atol=1e-6)


def test_marked_values_can_be_read(exported):
    graph, model = exported
    names = ['logits', 'embedding', 'deep', 'idm_raw', 'ood_raw']
    images = pictures(1)
    found = run(with_outputs(model, names), images, outputs=names)
    expected = graph.segmenter(graph.preprocess(torch.from_numpy(images)))
    for name in names[:3]:
        assert np.abs(found[name] - getattr(expected, name).numpy()).max() < 1e-4
    assert found['idm_raw'].dtype == np.float32
    with pytest.raises(BundleError, match='no value softmax'):
        with_outputs(model, ['softmax'])


def test_calibration_is_changed_without_torch():
    model = export_fused(small_graph(idm=ScoreMap(0.7, -0.2), ood=ScoreMap(0.4, 0.3)))
    idm, ood = get_calibration(model)
    assert (idm.scale, idm.offset) == pytest.approx((0.7, -0.2), rel=1e-6)
    assert (ood.scale, ood.offset) == pytest.approx((0.4, 0.3), rel=1e-6)
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    set_calibration(changed, ScoreMap(1.5, 0.25), ScoreMap(2.0, -1.0))
    images = pictures(1)
    raw = run(with_outputs(changed, ['idm_raw', 'ood_raw']), images, outputs=['idm_raw', 'ood_raw'])
    found = run(changed, images)
    assert np.allclose(
        found['idm_score'], 1 / (1 + np.exp(-1.5 * raw['idm_raw'] - 0.25)), atol=1e-6
    )
    assert np.allclose(found['ood_score'], 1 / (1 + np.exp(-2.0 * raw['ood_raw'] + 1.0)), atol=1e-6)


def test_equal_scales_stay_two_constants():
    model = export_fused(small_graph())
    set_calibration(model, ScoreMap(2.0, 0.0), ScoreMap(1.0, 0.5))
    idm, ood = get_calibration(model)
    assert (idm.scale, idm.offset, ood.scale, ood.offset) == (2.0, 0.0, 1.0, 0.5)


def test_half_precision_is_in_the_segmenter_alone(exported):
    graph, model = exported
    half = to_half(model)
    weights = {t.name: t.data_type for t in half.graph.initializer}
    inside = {name for node in segmenter_nodes(half) for name in node.input} & weights.keys()
    kinds = {weights[name] for name in inside}
    assert onnx.TensorProto.FLOAT16 in kinds
    assert onnx.TensorProto.FLOAT not in kinds
    outside = [kind for name, kind in weights.items() if name not in inside]
    assert onnx.TensorProto.FLOAT16 not in outside
    images = pictures(2)
    for image in images:
        found = run(half, image[None])
        reading = perceive(graph, torch.from_numpy(image[None]))
        assert (found['labels'] == reading.labels.numpy()).mean() > 0.99
        assert correlation(found['ood_score'], reading.ood_score.numpy()) > 0.999


def test_int8_keeps_the_detector_in_float(exported):
    graph, model = exported
    images = pictures(4)
    quantised = to_int8(model, images)
    assert set(marked_values(quantised)) == set(marked_values(model))
    layers = [node for node in segmenter_nodes(model) if node.op_type == 'Conv']
    rounded = {node.name for node in layers[1:-1]}
    for node in quantised.graph.node:
        if not node.op_type.endswith('QuantizeLinear'):
            reads = any('DequantizeLinear' in name for name in node.input)
            assert reads == (node.name in rounded), node.name
    found = run(quantised, images[:1])
    reading = perceive(graph, torch.from_numpy(images[:1]))
    assert (found['labels'] == reading.labels.numpy()).mean() > 0.98
    with pytest.raises(ExportError, match='needs images'):
        to_int8(model, [])


class Poisoned(torch.nn.Module):
    """Make the logits of some pixels NaN or infinite, as an overflowing engine does."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        bad = torch.zeros(SIZE[0] // 4, SIZE[1] // 4)
        bad[2, 3], bad[5, 7:9] = float('nan'), float('inf')
        self.register_buffer('bad', bad)

    def forward(self, images):
        logits, embedding, deep = self.network(images)
        return logits + self.bad, embedding, deep


def test_bad_logits_are_counted_and_give_finite_scores():
    segmenter = small_segmenter()
    segmenter.network = Poisoned(segmenter.network)
    graph = FusedGraph(segmenter, small_detector())
    images = pictures(1)
    found = run(export_fused(graph), images)
    assert found['nonfinite'].tolist() == [3]
    assert np.isfinite(found['idm_score']).all()
    assert np.isfinite(found['ood_score']).all()
    assert found['labels'].max() < 5


def test_data_dependent_graphs_are_refused():
    segmenter = small_segmenter()

    class Branching(torch.nn.Module):
        def forward(self, images):
            return (images[:, :1, ::4, ::4] if images.sum() > 0 else images[:, 1:2, ::4, ::4],) * 3

    segmenter.network = Branching()
    with pytest.raises(ExportError, match='PyTorch cannot export'):
        export_fused(FusedGraph(segmenter, small_detector()))


@pytest.mark.parametrize('stride', [2, 4, 8])
def test_phases_are_bilinear_enlargement(stride):
    torch.manual_seed(0)
    logits, scores = torch.randn(2, 5, 6, 9), torch.rand(2, 2, 6, 9)
    phases, resized = PhaseDecisions(stride), ResizedDecisions((6 * stride, 9 * stride))
    assert (phases.labels(logits) == resized.labels(logits)).float().mean() > 0.999
    thresholds = torch.tensor([0.4, 0.7])
    masks = phases.masks(scores, thresholds)
    assert (masks == resized.masks(scores, thresholds)).float().mean() > 0.999
    assert masks[:, 0].mean() > masks[:, 1].mean() > 0, 'each score has its own threshold'


def test_sizes_that_the_stride_does_not_divide():
    assert isinstance(decisions('mid', (66, 96), 4), ResizedDecisions)
    assert isinstance(decisions('mid', (64, 96), 4), PhaseDecisions)
