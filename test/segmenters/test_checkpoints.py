"""What happens with weight files that are not what they should be."""

import pickle

import pytest
import torch
from formula_weights import formula_image, formula_state
from safetensors.torch import save_file

from flowenedet_ros.data.classes import CAMVID_CLASSES, ClassInfo
from flowenedet_ros.segmenters import load_segmenter
from flowenedet_ros.segmenters.build import build_network
from flowenedet_ros.segmenters.errors import SegmenterError
from flowenedet_ros.segmenters.registry import save_segmenter

NAME = 'deeplabv3plus_efficientnet-lite0'


@pytest.fixture(scope='module')
def state():
    network = build_network(NAME, 11)
    return formula_state({key: tuple(v.shape) for key, v in network.state_dict().items()})


@pytest.fixture
def checkpoint(state, tmp_path):
    path = tmp_path / 'weights.pth'
    torch.save(state, path)
    return path


class Payload:
    """Unpickling this would write a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), 'w')


def test_code_in_a_checkpoint_is_never_run(tmp_path):
    trace = tmp_path / 'trace'
    content = {'state_dict': {'a': torch.zeros(1)}, 'meta': Payload(trace)}
    torch.save(content, tmp_path / 'zip.pth')
    (tmp_path / 'bare.pth').write_bytes(pickle.dumps(Payload(trace), protocol=2))
    for name in ('zip.pth', 'bare.pth'):
        with pytest.raises(SegmenterError, match='asks to run code'):
            load_segmenter(NAME, tmp_path / name)
    assert not trace.exists()


@pytest.mark.parametrize('kept', [0, 1, 100, 0.5, 0.999])
@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_truncated_file_is_refused(state, tmp_path, kept, suffix):
    path = tmp_path / f'weights{suffix}'
    if suffix == '.pth':
        torch.save(state, path)
    else:
        save_segmenter(path, NAME, state, CAMVID_CLASSES)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    with pytest.raises(SegmenterError, match='weights'):
        load_segmenter(NAME, path)


def test_noise_is_refused(tmp_path):
    for name in ('noise.pth', 'noise.safetensors'):
        path = tmp_path / name
        path.write_bytes(bytes(range(256)) * 40)
        with pytest.raises(SegmenterError, match='noise'):
            load_segmenter(NAME, path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(SegmenterError, match=r'no checkpoint .*nowhere'):
        load_segmenter(NAME, tmp_path / 'nowhere.pth')


@pytest.mark.parametrize(
    'content', [[torch.zeros(1)], torch.zeros(3), {}, {'lr': 0.1}, {'state_dict': {'a': 'text'}}]
)
def test_file_without_a_state_dict_is_refused(tmp_path, content):
    path = tmp_path / 'weights.pth'
    torch.save(content, path)
    with pytest.raises(SegmenterError, match='no state dict'):
        load_segmenter(NAME, path)


def test_another_architecture_is_refused_with_the_keys_named(checkpoint):
    with pytest.raises(SegmenterError, match=r'does not fit deeplabv3plus_r18-d8.*backbone'):
        load_segmenter('deeplabv3plus_r18-d8', checkpoint)
    with pytest.raises(SegmenterError, match='another architecture'):
        load_segmenter('segformer_b0', checkpoint)


def test_every_stray_missing_or_misshapen_key_is_named(state, tmp_path):
    path = tmp_path / 'weights.pth'
    changed = dict(state)
    del changed['backbone.stem.conv.weight']
    changed['decode_head.stray'] = torch.zeros(1)
    changed['decode_head.conv_seg.bias'] = torch.zeros(7)
    torch.save(changed, path)
    with pytest.raises(SegmenterError) as refused:
        load_segmenter(NAME, path)
    for key in ('backbone.stem.conv.weight', 'decode_head.stray', 'decode_head.conv_seg.bias'):
        assert key in str(refused.value)


def test_auxiliary_head_is_left_out(state, tmp_path):
    path = tmp_path / 'weights.pth'
    torch.save({'state_dict': {**state, 'auxiliary_head.conv_seg.bias': torch.zeros(2)}}, path)
    assert load_segmenter(NAME, path).spec.classes == CAMVID_CLASSES


def test_weights_that_are_not_finite_are_refused(state, tmp_path):
    path = tmp_path / 'weights.pth'
    torch.save({**state, 'decode_head.conv_seg.bias': torch.full((11,), torch.nan)}, path)
    with pytest.raises(SegmenterError, match=r'decode_head\.conv_seg\.bias.*not finite'):
        load_segmenter(NAME, path)


def test_saved_segmenter_describes_itself(state, tmp_path):
    classes = tuple(ClassInfo(f'class {i}', (i, 2 * i, 3 * i)) for i in range(11))
    path = tmp_path / 'weights.safetensors'
    save_segmenter(path, NAME, state, classes, (360, 480))
    torch.save(state, tmp_path / 'weights.pth')

    loaded = load_segmenter(path)

    assert loaded.spec.architecture == NAME
    assert loaded.spec.classes == classes
    assert loaded.spec.input_size == (360, 480)
    images = formula_image(64, 96)
    plain = load_segmenter(NAME, tmp_path / 'weights.pth')
    assert torch.equal(loaded(images).logits, plain(images).logits)
    with pytest.raises(SegmenterError, match='is a deeplabv3plus_efficientnet-lite0, not a seg'):
        load_segmenter('segformer_b0', path)


def test_damaged_metadata_is_refused(tmp_path):
    for told in ('no json', '[]', '{"classes": [1]}'):
        path = tmp_path / 'weights.safetensors'
        save_file({'a': torch.zeros(1)}, path, metadata={'segmenter': told})
        with pytest.raises(SegmenterError, match='metadata is damaged'):
            load_segmenter(path)


def test_class_names_beside_mmsegmentation_weights_are_read(state, tmp_path):
    names = tuple(f'thing {i}' for i in range(11))
    palette = [[i, i, i] for i in range(11)]
    for meta in (
        {'CLASSES': names, 'PALETTE': palette},
        {'dataset_meta': {'classes': names, 'palette': palette}},
    ):
        path = tmp_path / 'weights.pth'
        torch.save({'meta': meta, 'state_dict': state}, path)
        classes = load_segmenter(NAME, path).spec.classes
        assert classes[4] == ClassInfo('thing 4', (4, 4, 4))


def test_class_list_must_fit(checkpoint):
    with pytest.raises(SegmenterError, match='11 classes, but 10 are named'):
        load_segmenter(NAME, checkpoint, classes=CAMVID_CLASSES[:10])


@pytest.mark.parametrize('name', ['deeplab', 'nowhere.yaml'])
def test_unknown_segmenter_is_refused(name, checkpoint):
    with pytest.raises(SegmenterError, match=name):
        load_segmenter(name)


def test_architecture_without_weights_is_refused():
    with pytest.raises(SegmenterError, match='give `checkpoint`'):
        load_segmenter(NAME)
