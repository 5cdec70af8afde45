"""`flowenedet evaluate`: what a user types and the figures that come out."""

import json
import shutil

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from flowenedet_ros.cli.main import main
from flowenedet_ros.data.folder import LabelledFolder
from flowenedet_ros.evaluation import run
from flowenedet_ros.evaluation.engine import EngineConfig
from flowenedet_ros.evaluation.ood import OodTask, ood_figures
from flowenedet_ros.evaluation.run import RunOptions, run_task

METHODS = ('msp', 'entropy', 'max_logit', 'energy', 'sml', 'fed_u', 'flowenedet')


def evaluate(tmp_path, *words):
    target = tmp_path / 'out' / 'figures.json'
    status = main(['evaluate', *map(str, words), '--json', str(target)])
    return status, json.loads(target.read_text()) if target.is_file() else None


def logits_of(bundle, image):
    graph = onnx.load(bundle / 'model.onnx')
    graph.graph.output.append(
        onnx.helper.make_tensor_value_info('logits', onnx.TensorProto.FLOAT, None)
    )
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    half = np.array([0.5], np.float32)
    feeds = {'image': image[None], 'idm_threshold': half, 'ood_threshold': half}
    logits, labels = session.run(['logits', 'labels'], feeds)
    return logits[0], labels[0]


def energy_of(logits):
    top = logits.max(axis=0)
    return -(top + np.log(np.exp(logits - top).sum(axis=0)))


def exact(scores, positive):
    fpr, tpr, _ = roc_curve(positive, scores, drop_intermediate=False)
    return {
        'auroc': roc_auc_score(positive, scores),
        'ap': average_precision_score(positive, scores),
        'fpr95': fpr[np.searchsorted(tpr, 0.95)],
    }


def pairs(folder):
    for path in sorted((folder / 'images').iterdir()):
        labels = cv2.imread(str(folder / 'labels' / path.name), cv2.IMREAD_UNCHANGED)
        yield cv2.imread(str(path)), labels


def test_ood_figures_are_those_of_scikit_learn_on_enlarged_scores(bundle, ood_folder, tmp_path):
    status, found = evaluate(
        tmp_path, 'ood', '--model', bundle, '--data', ood_folder, '--backend', 'onnxruntime'
    )
    assert status == 0
    scores, positive = [], []
    for image, labels in pairs(ood_folder):
        energy = energy_of(logits_of(bundle, image)[0])
        large = cv2.resize(energy, labels.shape[::-1], interpolation=cv2.INTER_LINEAR)
        scores.append(large[labels != 255])
        positive.append(labels[labels != 255] == 1)
    expected = exact(np.concatenate(scores), np.concatenate(positive))
    figures = found['methods']['energy']
    for name, value in expected.items():
        assert abs(figures[name] - value) <= figures[f'{name}_error'] + 2e-4, name
    assert found['benchmark'] == 'ood'
    assert found['images'] == 5
    assert found['pixels'] == sum(len(part) for part in scores)
    assert found['model'] == 'tiny'
    assert tuple(found['methods']) == METHODS
    assert list(found['missing_methods']) == ['fed_c']


def test_idm_counts_pixels_whose_label_is_not_the_prediction(bundle, class_folder, tmp_path):
    status, found = evaluate(
        tmp_path, 'idm', '--model', bundle, '--data', class_folder, '--backend', 'onnxruntime'
    )
    assert status == 0
    scores, positive = [], []
    for image, labels in pairs(class_folder):
        logits, predicted = logits_of(bundle, image)
        size = labels.shape[::-1]
        predicted = cv2.resize(predicted, size, interpolation=cv2.INTER_NEAREST_EXACT)
        large = cv2.resize(-logits.max(axis=0), size, interpolation=cv2.INTER_LINEAR)
        scores.append(large[labels != 255])
        positive.append((predicted != labels)[labels != 255])
    expected = exact(np.concatenate(scores), np.concatenate(positive))
    figures = found['methods']['max_logit']
    for name, value in expected.items():
        assert abs(figures[name] - value) <= figures[f'{name}_error'] + 2e-4, name
    assert found['accuracy'] == pytest.approx(1 - np.concatenate(positive).mean())
    assert set(found['classes']) == {'road', 'car', 'sky', 'building', 'pedestrian'}


def test_separation_ranks_unknown_pixels_against_errors(bundle, class_folder, ood_folder, tmp_path):
    status, found = evaluate(
        tmp_path,
        *('concurrent', '--model', bundle, '--data', class_folder, '--ood-data', ood_folder),
        *('--methods', 'energy,flowenedet', '--backend', 'onnxruntime'),
    )
    assert status == 0
    unknown, errors = [], []
    for image, labels in pairs(ood_folder):
        energy = energy_of(logits_of(bundle, image)[0])
        large = cv2.resize(energy, labels.shape[::-1], interpolation=cv2.INTER_LINEAR)
        unknown.append(large[labels == 1])
    for image, labels in pairs(class_folder):
        logits, predicted = logits_of(bundle, image)
        size = labels.shape[::-1]
        predicted = cv2.resize(predicted, size, interpolation=cv2.INTER_NEAREST_EXACT)
        large = cv2.resize(energy_of(logits), size, interpolation=cv2.INTER_LINEAR)
        errors.append(large[(labels != 255) & (predicted != labels)])
    unknown, errors = np.concatenate(unknown), np.concatenate(errors)
    positive = np.arange(len(unknown) + len(errors)) < len(unknown)
    expected = roc_auc_score(positive, np.concatenate([unknown, errors]))
    assert found['methods']['energy']['separation'] == pytest.approx(expected, abs=1e-3)
    assert found['unknown_pixels'] == len(unknown)
    assert found['wrong_pixels'] == len(errors)
    assert {'idm', 'ood', 'reverse_separation'} <= found['methods']['flowenedet'].keys()


def test_any_number_of_processes_gives_the_same_figures(bundle, ood_folder, tmp_path):
    words = ('ood', '--model', bundle, '--data', ood_folder)
    _, alone = evaluate(tmp_path / 'a', *words)
    _, together = evaluate(tmp_path / 'b', *words, '--workers', '2', '--threads', '1')
    assert together['methods'] == alone['methods']


@pytest.mark.slow
def test_ray_gives_the_same_figures(bundle, ood_folder, tmp_path):
    pytest.importorskip('ray', reason='Ray is an optional extra')
    words = ('ood', '--model', bundle, '--data', ood_folder)
    _, alone = evaluate(tmp_path / 'a', *words)
    _, cluster = evaluate(tmp_path / 'b', *words, '--ray', 'local', '--workers', '2')
    assert cluster['methods'] == alone['methods']


def test_stopped_run_goes_on_where_it_was(bundle, ood_folder, tmp_path):
    config, task = EngineConfig(str(bundle)), OodTask(LabelledFolder(ood_folder))
    whole = run_task(config, task)

    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    options = RunOptions(state=tmp_path / 'state')
    with pytest.raises(KeyboardInterrupt):
        run_task(config, task, options, stop)
    seen = []
    rest = run_task(config, task, options, lambda done, total: seen.append(done))
    assert seen == [2, 3, 4, 5]
    assert ood_figures(rest, METHODS) == ood_figures(whole, METHODS)


def test_state_of_another_evaluation_is_not_taken(bundle, ood_folder, tmp_path):
    options = RunOptions(state=tmp_path / 'state')
    task = OodTask(LabelledFolder(ood_folder))
    run_task(EngineConfig(str(bundle)), task, options)
    seen = []
    config = EngineConfig(str(bundle), post='gaussian')
    run_task(config, task, options, lambda done, total: seen.append(done))
    assert seen[0] == 0


def test_damaged_state_is_no_reason_to_stop(bundle, ood_folder, tmp_path):
    (tmp_path / 'state').write_bytes(b'\x80\x04cut short')
    task = OodTask(LabelledFolder(ood_folder))
    tally = run_task(EngineConfig(str(bundle)), task, RunOptions(state=tmp_path / 'state'))
    assert tally.counts['images'] == 5


def test_damaged_picture_is_left_out_and_named(bundle, ood_folder, tmp_path, capsys):
    folder = tmp_path / 'data'
    shutil.copytree(ood_folder, folder)
    (folder / 'images' / 'frame3.png').write_bytes(b'\x89PNG cut short')
    status, found = evaluate(tmp_path, 'ood', '--model', bundle, '--data', folder)
    assert status == 1
    assert found['images'] == 4
    assert 'frame3.png' in found['failed_images']['frame3']
    assert 'frame3' in capsys.readouterr().err


def test_class_labels_are_no_ood_labels(bundle, class_folder, tmp_path, capsys):
    status, found = evaluate(tmp_path, 'ood', '--model', bundle, '--data', class_folder)
    assert status == 2
    assert found is None
    assert 'OOD labels are 0' in capsys.readouterr().err


def test_unknown_method_is_refused_with_those_there_are(bundle, ood_folder, tmp_path, capsys):
    words = ('ood', '--model', bundle, '--data', ood_folder, '--methods', 'fed_c')
    assert evaluate(tmp_path, *words)[0] == 2
    assert 'there are: msp, entropy' in capsys.readouterr().err


@pytest.mark.parametrize('post', ['gaussian', 'sml'])
def test_post_processing_changes_every_method(bundle, ood_folder, tmp_path, post):
    words = ('ood', '--model', bundle, '--data', ood_folder)
    _, plain = evaluate(tmp_path / 'a', *words)
    _, smooth = evaluate(tmp_path / 'b', *words, '--post', post)
    assert smooth['post'] == post
    for name in METHODS:
        assert smooth['methods'][name]['ap'] != plain['methods'][name]['ap'], name


def test_figures_at_the_stride_say_so(bundle, ood_folder, tmp_path):
    words = ('ood', '--model', bundle, '--data', ood_folder)
    _, found = evaluate(tmp_path, *words, '--stride')
    assert found['resolution'] == 'stride'
    assert found['pixels'] < 5 * 24 * 32


def test_methods_that_the_bundle_lacks_are_named(bundle, ood_folder, tmp_path, capsys):
    words = ('ood', '--model', bundle, '--data', ood_folder, '--limit', '1')
    evaluate(tmp_path, *words)
    said = 'fed_c is not evaluated: flow.safetensors holds no such detector'
    assert said in capsys.readouterr().err
    evaluate(tmp_path, *words, '--methods', 'msp')
    assert said not in capsys.readouterr().err


def test_state_files_are_gone_after_success(bundle, ood_folder, tmp_path):
    evaluate(tmp_path, 'ood', '--model', bundle, '--data', ood_folder)
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['figures.json']
    assert run.RunOptions().state is None
