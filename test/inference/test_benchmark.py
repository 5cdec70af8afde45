"""`flowenedet benchmark`: separate processes, the segmenter alone beside the whole, honest rows."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from flowenedet_ros.cli.main import main
from flowenedet_ros.data.classes import CAMVID_CLASSES
from flowenedet_ros.detector.base import DetectorConfig
from flowenedet_ros.detector.build import build_detector
from flowenedet_ros.export.bundle_writer import BundleSource, ExportOptions, write_bundle
from flowenedet_ros.inference import Thresholds
from flowenedet_ros.inference.backends.base import RuntimeOptions
from flowenedet_ros.inference.benchmark.chart import svg_chart
from flowenedet_ros.inference.benchmark.configuration import Configuration, OpenModel
from flowenedet_ros.inference.benchmark.floors import MACHINES, count_work, floor_ms
from flowenedet_ros.inference.benchmark.graphs import segmenter_alone, stages
from flowenedet_ros.inference.benchmark.quality import rank_figures
from flowenedet_ros.inference.benchmark.rounds import measure
from flowenedet_ros.inference.benchmark.worker import street
from flowenedet_ros.inference.loading import open_backend
from flowenedet_ros.segmenters.build import build_network
from flowenedet_ros.segmenters.registry import freeze

SIZE = (96, 128)


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    network = build_network('deeplabv3plus_efficientnet-lite0', len(CAMVID_CLASSES))
    segmenter = freeze('deeplabv3plus_efficientnet-lite0', network, CAMVID_CLASSES, SIZE)
    spec = segmenter.spec
    detector = build_detector(
        DetectorConfig('flowenedet', 11, spec.embedding_channels, spec.deep_channels)
    )
    source = BundleSource('untrained', segmenter, {'flowenedet': detector}, [street(*SIZE)])
    options = ExportOptions(precisions=('fp32',), keep_all=True)
    return write_bundle(tmp_path_factory.mktemp('bundles') / 'untrained', source, options)


@pytest.fixture(scope='module')
def fused(folder: Path) -> onnx.ModelProto:
    return onnx.load(str(folder / 'model.onnx'))


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_the_segmenter_alone_gives_the_same_labels(folder, fused, tmp_path, backend):
    path = tmp_path / 'alone.onnx'
    alone = segmenter_alone(fused)
    onnx.save(alone, path)
    assert len(alone.graph.node) < len(fused.graph.node) - 50
    image, half = street(200, 300)[None], Thresholds(0.5, 0.5)
    whole = open_backend(backend, folder / 'model.onnx', 'fp32', RuntimeOptions(threads=1))
    part = open_backend(backend, path, 'fp32', RuntimeOptions(threads=1))
    assert (whole.infer(image, half).labels == part.infer(image, half).labels).all()
    assert part.infer(image, half).idm_mask.size == 1


def test_every_node_has_a_stage(fused):
    found = stages(fused)
    assert all(node.name in found for node in fused.graph.node)
    assert set(found.values()) == {'pre', 'segmenter', 'detector', 'post'}


def test_work_is_that_of_the_layers(fused):
    work = count_work(fused, 200, 300)
    stem = next(node for node in fused.graph.node if node.op_type == 'Conv')
    assert stages(fused)[stem.name] == 'segmenter'
    # EfficientNet-Lite0 and the head: about 4 million parameters, less than 1 GFLOP at 96x128.
    assert 3e6 < work['segmenter'].weights < 5e6
    assert 2e8 < work['segmenter'].operations < 2e9
    assert work['detector'].weights < 0.02 * work['segmenter'].weights
    assert work['pre'].operations == 0
    for machine in MACHINES:
        floors = [floor_ms(work['segmenter'], machine, name) for name in machine.tera]
        assert min(floors) > 0
        assert floors[0] == max(floors)


def test_a_configuration_that_fails_stops_no_other(folder):
    def configuration(file: Path) -> Configuration:
        opener = OpenModel(folder, file, 'onnxruntime', 'fp32', 1)
        return Configuration('m', 'onnxruntime', 'fp32', 'fused', 96, 128, 2, SIZE, opener)

    bad, good = measure(
        [configuration(folder / 'no.onnx'), configuration(folder / 'model.onnx')], 2
    )
    assert 'BackendError' in bad.row()['error']
    row = good.row()
    assert row['calls'] == 2
    assert 0 < row['host_ms'] < row['median_ms'] <= row['p95_ms']
    assert 30 < row['peak_rss_mb'] < 2000
    assert row['cpu_ms'] > 0


def test_the_command_writes_every_part(folder, tmp_path, capsys):
    for kind in ('images', 'labels'):
        (tmp_path / 'data' / kind).mkdir(parents=True)
    cv2.imwrite(str(tmp_path / 'data/images/a.png'), street(96, 128))
    labels = np.random.default_rng(0).integers(0, 11, SIZE).astype(np.uint8)
    cv2.imwrite(str(tmp_path / 'data/labels/a.png'), labels)
    given = ['--model', str(folder), '--backends', 'onnxruntime,pytorch-eager',
             '--rounds', '2', '--threads', '1']  # fmt: skip
    files = ['--json', str(tmp_path / 'out/b.json'), '--plot', str(tmp_path / 'out/b.svg')]
    assert main(['benchmark', *given, *files, '--data', str(tmp_path / 'data')]) == 0
    result = json.loads((tmp_path / 'out/b.json').read_text())
    named = [(row['backend'], row['graph']) for row in result['rows']]
    backends = 'onnxruntime', 'pytorch-eager'
    assert named == [(name, graph) for name in backends for graph in ('segmenter', 'fused')]
    needed = {'backend', 'precision', 'graph', 'height', 'width', 'batch', 'median_ms', 'p95_ms'}
    assert needed | {'cpu_ms', 'peak_rss_mb'} <= set(result['rows'][0])
    assert result['overheads'][0]['cpu'] > 0.5
    assert result['speedups'][0]['wall'] == 1.0
    times = result['stages'][0]['ms']
    assert times['segmenter'] > times['pre'] > 0
    assert times['detector'] > 0
    assert result['quality'][0]['task'] == 'idm'
    assert 0 <= result['quality'][0]['auroc'] <= 1
    assert len(result['floors']['untrained']['floors']) > 5
    assert result['machine']['cores'] >= 1
    assert 'fused graph over the segmenter alone' in capsys.readouterr().out
    assert (tmp_path / 'out/b.svg').read_text().startswith('<svg')
    assert svg_chart({'rows': [], 'machine': result['machine']})


def test_eager_pytorch_asked_for_by_name_fails_where_it_cannot_run(folder, tmp_path, capsys):
    unknown = shutil.copytree(folder, tmp_path / 'unknown')
    manifest = (unknown / 'model.yaml').read_text()
    assert 'deeplabv3plus_efficientnet-lite0' in manifest
    text = manifest.replace('deeplabv3plus_efficientnet-lite0', 'net_of_mine')
    (unknown / 'model.yaml').write_text(text)
    words = ['benchmark', '--model', str(unknown), '--rounds', '1', '--threads', '1']
    assert main([*words, '--backends', 'pytorch-eager']) == 1
    assert 'net_of_mine' in capsys.readouterr().out


def test_wrong_requests_are_said_plainly(folder, capsys):
    assert main(['benchmark']) == 2
    assert 'give a bundle' in capsys.readouterr().err
    assert main(['benchmark', '--model', str(folder), '--backends', 'abacus']) == 2
    assert 'no backend `abacus`' in capsys.readouterr().err
    assert main(['benchmark', '--model', str(folder), '--precisions', 'int4']) == 2
    assert 'no precision `int4`' in capsys.readouterr().err
    assert main(['benchmark', '--model', str(folder), '--checkpoint', 'a.pth']) == 2
    assert '--checkpoint holds the weights of a --segmenter' in capsys.readouterr().err


def test_rank_figures_are_exact():
    random = np.random.default_rng(0)
    positive = random.uniform(size=5000) < 0.1
    score = np.round(random.normal(positive, 1), 1).astype(np.float32)
    area, ap, fpr = rank_figures(score, positive)
    assert area == pytest.approx(roc_auc_score(positive, score))
    assert ap == pytest.approx(average_precision_score(positive, score))
    threshold = max(t for t in np.unique(score) if (score[positive] >= t).mean() >= 0.95)
    assert fpr == pytest.approx((score[~positive] >= threshold).mean())
