"""Emoji of things become cut-outs; plants, people and signs do not."""

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import cv2
import numpy as np

TOOL = Path(__file__).parents[1] / 'tools' / 'cut_out_emoji.py'


def _pack(path, files):
    with tarfile.open(path, 'w:gz') as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f'package/{name}')
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def test_things_are_cut_out(tmp_path):
    picture = np.zeros((16, 16, 4), np.uint8)
    picture[4:12, 4:12] = (10, 20, 200, 255)
    webp = cv2.imencode('.webp', picture, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes()
    groups = {
        '📦': ('package', 'Objects'),
        '🖊️': ('pen', 'Objects'),
        '🌳': ('deciduous tree', 'Animals & Nature'),
        '🛑': ('stop sign', 'Travel & Places'),
        '🐕': ('dog', 'Animals & Nature'),
    }
    about = {key: {'name': name, 'group': group} for key, (name, group) in groups.items()}
    _pack(tmp_path / 'groups.tgz', {'data-by-emoji.json': json.dumps(about).encode()})
    names = ('1f4e6', '1f58a-fe0f', '1f333', '1f6d1')  # there is no picture of the dog
    _pack(tmp_path / 'emoji.tgz', {f'assets/{name}.webp': webp for name in names})
    command = [sys.executable, TOOL, tmp_path / 'emoji.tgz', tmp_path / 'groups.tgz']
    done = subprocess.run([*command, tmp_path / 'out'], check=True, capture_output=True, text=True)
    assert done.stdout == '2 cut-outs\n'
    written = sorted(path.name for path in (tmp_path / 'out').iterdir())
    assert written == ['1f4e6.png', '1f58a-fe0f.png']
    cut = cv2.imread(str(tmp_path / 'out' / '1f4e6.png'), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(cut[6, 6], (10, 20, 200, 255))
    assert cut[0, 0, 3] == 0
