"""The HTML report: complete, self-contained, and without errors in a real browser."""

import re
import shutil
import subprocess

import cv2
import pytest

from flowenedet_ros.cli.main import main

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
