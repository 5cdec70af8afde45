"""The HTML report: complete, self-contained, and without errors in a real browser."""

import re
import shutil
import subprocess

import cv2
import pytest

from flowenedet_ros.cli.main import main
from flowenedet_ros.evaluation.benchmark import PartResult
from flowenedet_ros.evaluation.ood import OodTask
from flowenedet_ros.evaluation.report.html_tables import separation_table
from flowenedet_ros.evaluation.report.published_tables import published_tables
from flowenedet_ros.evaluation.report.run_tables import speed_tables
from flowenedet_ros.evaluation.table import markdown

BROWSERS = ('chromium', 'chromium-browser', 'google-chrome')


def report(tmp_path, *words):
    folder = tmp_path / 'report'
    assert main(['evaluate', *map(str, words), '--report', str(folder)]) == 0
    return folder


@pytest.fixture(scope='module')
def idm_report(bundle, class_folder, tmp_path_factory):
    words = ('idm', '--model', bundle, '--data', class_folder)
    return report(tmp_path_factory.mktemp('page'), *words)


def test_page_has_every_section(idm_report):
    page = (idm_report / 'index.html').read_text()
    for name in ('figures', 'curves', 'frames', 'classes', 'speed', 'conditions'):
        assert f'<section id="{name}">' in page, name
    assert page.count('<svg ') == 5
    assert 'flowenedet' in page
    assert 'pedestrian' in page


def test_page_loads_nothing(idm_report):
    page = (idm_report / 'index.html').read_text()
    addresses = re.findall(r'(?:src|href)="([^"#][^"]*)"', page)
    assert addresses
    assert all(address.startswith('data:') for address in addresses)
    assert 'url(' not in page
    assert '<script' not in page


def test_figures_are_there_for_papers(idm_report):
    drawn = sorted(path.name for path in (idm_report / 'figures').iterdir())
    stems = {name.rpartition('.')[0] for name in drawn}
    assert len(drawn) == 10
    for stem in stems:
        assert (idm_report / 'figures' / f'{stem}.svg').read_text().startswith('<svg ')
        assert cv2.imread(str(idm_report / 'figures' / f'{stem}.png')).std() > 5
    table = (idm_report / 'table.tex').read_text()
    assert r'\toprule' in table
    assert r'max\_logit' in table


def test_published_figures_stand_beside_ours(bundle, ood_folder, tmp_path):
    folder = report(tmp_path, 'ood', '--model', bundle, '--data', ood_folder)
    page = (folder / 'index.html').read_text()
    assert 'FED-C TTA, SegFormer-B2' in page
    assert '<td>98.28</td>' in page


def test_browser_shows_it_without_errors_or_network(idm_report, tmp_path):
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        pytest.skip(f'no browser: install one of {", ".join(BROWSERS)}')
    picture = tmp_path / 'page.png'
    command = [
        *(browser, '--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars'),
        *('--host-resolver-rules=MAP * ~NOTFOUND', '--enable-logging=stderr'),
        *('--window-size=1400,4000', f'--user-data-dir={tmp_path / "profile"}'),
        *(f'--screenshot={picture}', (idm_report / 'index.html').as_uri()),
    ]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert ':CONSOLE' not in found.stderr
    shown = cv2.imread(str(picture))
    assert shown.shape[:2] == (4000, 1400)
    # A blank or broken page would be of one colour.
    assert shown[400:2400].std() > 10


def test_cost_stands_beside_that_of_the_segmenter_alone():
    cost = {
        **{'set': 'fs_static', 'methods': ['msp', 'energy'], 'images': 10, 'rounds': 5},
        **{'alone_ms': 100.0, 'all_ms': 120.0, 'ratio': 1.2, 'peak_mb': 512.0},
        **{'alone_cpu_ms': 90.0, 'all_cpu_ms': 117.0, 'cpu_ratio': 1.3},
    }
    content = {'seconds_per_image': {'graph': 0.1}, 'backend': 'openvino', 'machine': 'a'}
    page = speed_tables({**content, 'cost': cost})
    assert '<td>segmenter alone</td><td>100</td><td>90</td>' in page
    assert '<td>evaluation, 2 methods</td><td>120</td><td>117</td>' in page
    assert '<td>ratio</td><td>1.20</td><td>1.30</td>' in page
    assert 'segmenter alone' not in speed_tables({**content, 'cost': None})


def test_own_rows_stand_in_the_published_table():
    figures = {'flowenedet': {'auroc': 0.9, 'ap': 0.25, 'fpr95': 0.1234}}
    task = OodTask(samples=[])
    result = PartResult(figures, {'images': 3, 'pixels': 9}, {}, {}, task)
    content = {'benchmark': 'road-data', 'methods': figures}
    page = published_tables(content, {'fs_static': result})
    assert (
        '<td>flowenedet, this run</td><td>-</td><td>-</td><td>-</td>'
        '<td>90.00</td><td>25.00</td><td>12.34</td>'
    ) in page
    assert 'Static: 3 public images of fs_static' in page


def test_separation_is_shown_for_every_set_of_errors():
    figures = {
        'energy': {'separation_by_set': {'camvid/test': 0.4, 'cityscapes': 0.7}},
        'flowenedet': {'separation_by_set': {'camvid/test': 0.8, 'cityscapes': 0.6}},
    }
    result = PartResult(figures, {'images': 3, 'pixels': 9}, {}, {}, OodTask(samples=[]))
    page = separation_table({'fs_static': result})
    assert '<td>energy</td><td>40.00</td><td class="best">70.00</td>' in page
    assert '<td>flowenedet</td><td class="best">80.00</td><td>60.00</td>' in page
    content = {
        **{'command': 'flowenedet evaluate', 'model': 'tiny', 'model_sha256': '0' * 64},
        **{'data': 'folder', 'date': '2026-01-01', 'methods': figures},
    }
    text = markdown(content, {'fs_static': (figures, 3)})
    assert '| separation: fs_static from errors on cityscapes | **70.0** | 60.0 |' in text
    assert '`flowenedet evaluate`' in text
