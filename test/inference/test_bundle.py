"""Model folders: found by name or path, checked before anything runs."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from support.tiny_bundle import smooth_image, write_tiny_bundle

from flowenedet_ros.inference import BundleError, load_bundle
from flowenedet_ros.inference.bundle import find_bundle
from flowenedet_ros.inference.manifest_reader import parse_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_bundle(tmp_path / 'tiny')


def edit(folder: Path, *keys: str | int, value: object) -> None:
    path = folder / 'model.yaml'
    content = yaml.safe_load(path.read_text())
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    path.write_text(yaml.safe_dump(content))


def test_bundle_loads_and_runs(folder: Path) -> None:
    model = load_bundle(folder, backend='onnxruntime')
    perception = model.run(smooth_image(240, 320))
    assert perception.labels.shape == (96, 128)
    assert perception.idm_score.shape == (24, 32)
    assert len(np.unique(perception.labels)) >= 3
    assert set(np.unique(perception.ood_mask)) <= {0, 255}


def test_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(BundleError, match=r'no model `nothing_like_it`.*bundled model'):
        find_bundle('nothing_like_it')


def test_a_file_is_not_a_folder(folder: Path) -> None:
    with pytest.raises(BundleError, match=r'give the folder that holds model\.yaml'):
        find_bundle(folder / 'model.onnx')


def test_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r'model\.yaml is missing'):
        load_bundle(tmp_path)


@pytest.mark.parametrize('name', ['model.onnx', 'flow.safetensors', 'self_test.npz'])
def test_missing_and_altered_files_are_named(folder: Path, name: str) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes() + b'x')
    with pytest.raises(BundleError, match=f'{name} is not the file that model.yaml describes'):
        load_bundle(folder)
    path.unlink()
    with pytest.raises(BundleError, match=f'{name} is missing'):
        load_bundle(folder)


@pytest.mark.parametrize(
    ('keys', 'value', 'message'),
    [
        (('format',), 2, 'format 2 is newer than 1'),
        (('format',), 'one', "`format` is 'one': an integer"),
        (('input', 'height'), 360.5, 'input: `height` is 360.5: an integer from 16'),
        (('input', 'height'), True, 'input: `height` is True'),
        (('input', 'std'), [1.0, 0.0, 1.0], '`std`.*three numbers from 0.1 to 255'),
        (('input', 'channel_order'), 'gbr', 'one of bgr, rgb'),
        (('input', 'colour'), 1, '`colour` unknown here'),
        (('output', 'mode'), 'full', 'one of mid, quarter'),
        (('classes',), [], '`classes` is \\[\\]: a list'),
        (('classes', 0, 'name'), 'car', 'classes of different names'),
        (('classes', 0, 'color'), [0, 0, 300], 'three numbers from 0 to 255'),
        (('planner_classes', 'uncertain'), 2, '`uncertain` is 2: an integer from 5 to 254'),
        (('planner_classes', 'uncertain'), 254, 'an id other than `uncertain`'),
        (('calibration', 'idm', 'scale'), float('nan'), '`scale` is nan: a number'),
        (('calibration', 'idm', 'scale'), -1.0, '`scale` is -1.0'),
        (('calibration', 'operating_points'), {}, 'at least one operating point'),
        (('calibration', 'operating_points', 'balanced', 'idm'), 1.5, 'from 0 to 1'),
        (('files', '../model.onnx'), '0' * 64, 'plain file name'),
        (('files', 'model.onnx'), 'abc', 'sha256'),
        (('detector',), 'flow', "`?detector`? is 'flow': a mapping"),
    ],
)
def test_hand_edited_values_are_refused_by_name(
    folder: Path, keys: tuple[str | int, ...], value: object, message: str
) -> None:
    edit(folder, *keys, value=value)
    with pytest.raises(BundleError, match=message):
        load_bundle(folder)


def test_missing_key_is_named(folder: Path) -> None:
    content = yaml.safe_load((folder / 'model.yaml').read_text())
    del content['calibration']['guarantee']
    with pytest.raises(BundleError, match='calibration: `guarantee` is missing'):
        parse_manifest(content)


def test_yaml_that_would_run_code_does_not(folder: Path) -> None:
    marker = folder / 'ran'
    text = f'!!python/object/apply:os.system ["touch {marker}"]'
    (folder / 'model.yaml').write_text(text)
    with pytest.raises(BundleError, match='cannot be read as YAML'):
        load_bundle(folder)
    assert not marker.exists()


def test_first_operating_point_serves_where_none_is_balanced(folder: Path) -> None:
    content = yaml.safe_load((folder / 'model.yaml').read_text())
    del content['calibration']['operating_points']['balanced']
    assert parse_manifest(content).default_point == 'cautious'
