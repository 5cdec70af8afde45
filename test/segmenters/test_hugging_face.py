"""SegFormer against Hugging Face's transformers, from the same random weights."""

import json

import pytest
import torch
from formula_weights import formula_image, formula_state

from flowenedet_ros.segmenters import load_segmenter
from flowenedet_ros.segmenters.build import segformer
from flowenedet_ros.segmenters.errors import SegmenterError
from flowenedet_ros.segmenters.mix_transformer import SIZES

transformers = pytest.importorskip('transformers')


def hugging_face_model(size):
    config = transformers.SegformerConfig(
        num_labels=19,
        depths=list(SIZES[size].depths),
        hidden_sizes=list(SIZES[size].widths),
        decoder_hidden_size=256 if size in ('b0', 'b1') else 768,
    )
    model = transformers.SegformerForSemanticSegmentation(config).eval()
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    model.load_state_dict(formula_state(shapes))
    return model


@pytest.mark.parametrize('size', ['b0', pytest.param('b2', marks=pytest.mark.slow)])
def test_saved_folder_computes_the_same(size, tmp_path):
    model = hugging_face_model(size)
    model.save_pretrained(tmp_path)
    images = formula_image(96, 160)
    with torch.inference_mode():
        expected = model(images).logits

    segmenter = load_segmenter(tmp_path)
    output = segmenter(images)

    assert segmenter.spec.architecture == f'segformer_{size}'
    assert expected.std() > 0.05
    assert (output.logits - expected).abs().max() <= 1e-4
    assert output.embedding.shape[1] == segmenter.spec.embedding_channels


def test_names_of_transformers_5_in_memory_load_too(tmp_path):
    model = hugging_face_model('b0')
    assert any(key.startswith('segformer.stages.') for key in model.state_dict())
    torch.save(model.state_dict(), tmp_path / 'model.pth')
    images = formula_image(64, 96)
    with torch.inference_mode():
        expected = model(images).logits

    output = load_segmenter('segformer_b0', tmp_path / 'model.pth')(images)

    assert (output.logits - expected).abs().max() <= 1e-4


def test_class_names_come_from_the_configuration(tmp_path):
    config = transformers.SegformerConfig(
        id2label={0: 'Road', 1: 'Tree', 2: 'Robot'}, label2id={'Road': 0, 'Tree': 1, 'Robot': 2}
    )
    transformers.SegformerForSemanticSegmentation(config).save_pretrained(tmp_path)
    classes = load_segmenter(tmp_path).spec.classes
    assert [info.name for info in classes] == ['road', 'tree', 'robot']
    assert len({info.color for info in classes}) == 3


@pytest.mark.parametrize(
    ('content', 'complaint'),
    [
        ({'model_type': 'bert'}, 'model_type'),
        ({'model_type': 'segformer', 'hidden_sizes': [1], 'depths': [1]}, 'none of SegFormer B0'),
    ],
)
def test_folder_of_another_model_is_refused(tmp_path, content, complaint):
    (tmp_path / 'config.json').write_text(json.dumps(content))
    (tmp_path / 'model.safetensors').write_bytes(b'')
    with pytest.raises(SegmenterError, match=complaint):
        load_segmenter(tmp_path)


@pytest.mark.parametrize(
    ('size', 'millions'),
    [('b0', 3.8), ('b1', 13.7), ('b2', 27.5), ('b3', 47.3), ('b4', 64.1), ('b5', 84.7)],
)
def test_parameters_are_those_of_the_paper(size, millions):
    with torch.device('meta'):
        network = segformer(19, size=size, kind='hf', channels=256 if size in 'b0b1' else 768)
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count / 1e6 == pytest.approx(millions, abs=0.15)
