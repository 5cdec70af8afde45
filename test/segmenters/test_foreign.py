"""Segmenters made elsewhere, as ONNX or TorchScript beside a description."""

import numpy as np
import onnxruntime
import pytest
import torch
import yaml
from foreign_files import SIZE, Tiny, describe, write_onnx, write_torchscript
from formula_weights import formula_image
from hypothesis import given
from hypothesis import strategies as st

from flowenedet_ros.data.classes import CITYSCAPES_CLASSES
from flowenedet_ros.segmenters import load_segmenter
from flowenedet_ros.segmenters.build import build_network
from flowenedet_ros.segmenters.description import read_description
from flowenedet_ros.segmenters.errors import SegmenterError
from flowenedet_ros.segmenters.foreign_graph import standard_graph
from flowenedet_ros.segmenters.registry import freeze

POSITIONS = {'logits': 0, 'embedding': 1, 'deep': 2}


@pytest.fixture
def expected():
    with torch.no_grad():
        return Tiny()(formula_image(*SIZE))


@pytest.fixture(params=['onnx', 'onnx with open batch', 'torchscript'])
def written(request, tmp_path):
    """Give a folder, a file in it, and how its outputs are named."""
    if request.param == 'torchscript':
        write_torchscript(tmp_path / 'tiny.pt')
        return tmp_path, 'tiny.pt', POSITIONS
    write_onnx(tmp_path / 'tiny.onnx', batch='n' if 'open' in request.param else 1)
    return tmp_path, 'tiny.onnx', {name: name for name in POSITIONS}


def test_outputs_are_those_of_the_file(written, expected):
    folder, file, outputs = written
    segmenter = load_segmenter(describe(folder, file, outputs=outputs))

    for maps, found in zip(expected, segmenter(formula_image(*SIZE)), strict=True):
        assert (maps - found).abs().max() < 1e-5
    spec = segmenter.spec
    assert (spec.architecture, spec.input_size, spec.logit_stride) == ('tiny', SIZE, 4)
    assert (spec.embedding_channels, spec.deep_channels, spec.deep_stride) == (5, 6, 8)


def test_batches_are_taken_whatever_the_file_holds(written):
    folder, file, outputs = written
    segmenter = load_segmenter(describe(folder, file, outputs=outputs))
    images = formula_image(*SIZE)
    batch = torch.cat([images, 2 * images, images - 1])
    output = segmenter(batch)
    for index in range(3):
        alone = segmenter(batch[index : index + 1])
        assert torch.allclose(output.deep[index], alone.deep[0], atol=1e-5)


def test_bgr_networks_get_bgr(written, expected):
    folder, file, outputs = written
    path = describe(folder, file, outputs=outputs, input={'channel_order': 'bgr'})
    segmenter = load_segmenter(path)
    assert segmenter.spec.mean == (100.0, 110.0, 120.0)
    assert segmenter.spec.std == (50.0, 55.0, 60.0)
    found = segmenter(formula_image(*SIZE).flip(1))
    assert (found.logits - expected[0]).abs().max() < 1e-5


def test_extra_outputs_are_dropped(written, expected):
    folder, file, outputs = written
    classes = [{'name': f'class {i}', 'color': [i, i, i]} for i in range(3)]
    path = describe(folder, file, outputs=outputs, classes=classes, extra_outputs=1)
    logits = load_segmenter(path)(formula_image(*SIZE)).logits
    assert logits.shape[1] == 3
    assert (logits - expected[0][:, :3]).abs().max() < 1e-5


def test_logits_alone_are_enough(written, expected):
    folder, file, outputs = written
    path = describe(folder, file, outputs=None)
    yaml_text = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**yaml_text, 'outputs': {'logits': outputs['logits']}}))
    segmenter = load_segmenter(path)
    output = segmenter(formula_image(*SIZE))
    assert output.embedding is None
    assert output.deep is None
    assert segmenter.spec.embedding_channels is None
    assert segmenter.spec.deep_channels is None
    assert (output.logits - expected[0]).abs().max() < 1e-5


def test_first_output_is_taken_for_the_logits(written, expected):
    folder, file, _ = written
    output = load_segmenter(describe(folder, file, outputs=None))(formula_image(*SIZE))
    assert (output.logits - expected[0]).abs().max() < 1e-5


@pytest.mark.parametrize(
    ('changes', 'complaint'),
    [
        ({'logit_stride': 8}, 'stride 8'),
        ({'extra_outputs': 2}, '2 extra outputs'),
        ({'outputs': {'embedding': 'deep'}}, 'the embedding is'),
        ({'outputs': {'deep': 'nothing'}}, "'nothing'.*`outputs.deep`"),
        ({'outputs': {'logits': 7}}, '7.*`outputs.logits`'),
        ({'input': {'height': 30}}, '48x30|stride 4'),
    ],
)
def test_description_that_does_not_fit_the_file_is_refused(tmp_path, changes, complaint):
    write_onnx(tmp_path / 'tiny.onnx')
    with pytest.raises(SegmenterError, match=complaint):
        load_segmenter(describe(tmp_path, 'tiny.onnx', **changes))


@pytest.mark.parametrize(
    ('changes', 'complaint'),
    [
        ({'classes': None}, '`classes`'),
        ({'classes': [{'name': 'one', 'color': [0, 0, 0]}]}, '`classes`'),
        ({'classes': [{'name': 'a'}, {'name': 'b'}]}, '`classes`'),
        ({'input': {'mean': [1, 2]}}, r'`input\.mean`'),
        ({'input': {'std': [1, 0, 1]}}, r'`input\.std`'),
        ({'input': {'channel_order': 'yuv'}}, r'`input\.channel_order`'),
        ({'input': {'width': 'wide'}}, r'`input\.width`'),
        ({'input': {'depth': 3}}, r'unknown key `input\.depth`'),
        ({'stride': 4}, 'unknown key `stride`'),
        ({'logit_stride': None}, '`logit_stride`'),
        ({'extra_outputs': -1}, '`extra_outputs`'),
    ],
)
def test_wrong_description_is_refused_naming_the_key(tmp_path, changes, complaint):
    write_onnx(tmp_path / 'tiny.onnx')
    with pytest.raises(SegmenterError, match=complaint):
        load_segmenter(describe(tmp_path, 'tiny.onnx', **changes))


def test_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SegmenterError, match=r'there is no file .*nothing\.onnx'):
        load_segmenter(describe(tmp_path, 'nothing.onnx'))


NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(['input', 'classes', 'file', 'name', 'mean']), inner)
    ),
    max_leaves=8,
)


@given(content=NESTED)
def test_any_yaml_is_refused_with_a_clear_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp('yaml') / 'segmenter.yaml'
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(SegmenterError, match='segmenter'):
        read_description(path)


@pytest.mark.parametrize('name', ['tiny.onnx', 'tiny.pt'])
@pytest.mark.parametrize('content', [b'', b'not a network', bytes(range(256)) * 8])
def test_file_that_is_no_network_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SegmenterError, match=name):
        load_segmenter(describe(tmp_path, name))


def test_image_of_another_size_is_refused_by_a_fixed_file(tmp_path):
    write_onnx(tmp_path / 'tiny.onnx')
    segmenter = load_segmenter(describe(tmp_path, 'tiny.onnx'))
    with pytest.raises(SegmenterError, match='64x64'):
        segmenter(formula_image(64, 64))


def check_standard_graph(path):
    segmenter = load_segmenter(path)
    model = standard_graph(segmenter)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    assert session.get_inputs()[0].shape == [1, 3, *SIZE]
    outputs = {output.name: output.shape for output in session.get_outputs()}
    assert outputs == {'logits': [1, 3, 8, 12], 'embedding': [1, 5, 8, 12], 'deep': [1, 6, 4, 6]}
    images = formula_image(*SIZE)
    found = session.run(None, {'images': images.numpy()})
    for expected, maps in zip(segmenter(images), found, strict=True):
        assert np.abs(expected.numpy() - maps).max() < 1e-5
    assert [entry.version for entry in model.opset_import if entry.domain == ''] == [18]
    inner = {name for node in model.graph.node for name in (*node.input, *node.output)}
    outer = {'images', *outputs}
    assert all(name.startswith('segmenter/') for name in inner - outer)


THREE = [{'name': f'class {i}', 'color': [i, i, i]} for i in range(3)]


@pytest.mark.parametrize('opset', [13, 18])
@pytest.mark.parametrize('order', ['rgb', 'bgr'])
def test_standard_graph_computes_the_same(tmp_path, opset, order):
    write_onnx(tmp_path / 'tiny.onnx', batch='n', opset=opset, size=('h', 'w'))
    order = {'channel_order': order}
    check_standard_graph(
        describe(tmp_path, 'tiny.onnx', classes=THREE, extra_outputs=1, input=order)
    )


def test_torchscript_becomes_a_standard_graph_too(tmp_path):
    write_torchscript(tmp_path / 'tiny.pt')
    path = describe(tmp_path, 'tiny.pt', classes=THREE, extra_outputs=1, outputs=POSITIONS)
    check_standard_graph(path)


def test_only_foreign_segmenters_need_a_standard_graph():
    name = 'deeplabv3plus_efficientnet-lite0'
    segmenter = freeze(name, build_network(name, 19), CITYSCAPES_CLASSES)
    with pytest.raises(SegmenterError, match='no foreign segmenter'):
        standard_graph(segmenter)
