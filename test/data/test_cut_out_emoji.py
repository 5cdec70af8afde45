"""Emoji of things are unknown, those of trees and signs known."""

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest

TOOL = Path(__file__).parents[1] / 'tools' / 'cut_out_emoji.py'


def _pack(path, files):
    with tarfile.open(path, 'w:gz') as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f'package/{name}')
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize(
    ('kind', 'names'), [('unknown', ['1f4e6', '1f58a-fe0f']), ('known', ['1f333', '1f6d1'])]
)
def test_things_are_cut_out(tmp_path, kind, names):
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
    drawn = ('1f4e6', '1f58a-fe0f', '1f333', '1f6d1')  # there is no picture of the dog
    _pack(tmp_path / 'emoji.tgz', {f'assets/{name}.webp': webp for name in drawn})
    command = [sys.executable, TOOL, tmp_path / 'emoji.tgz', tmp_path / 'groups.tgz', kind]
    done = subprocess.run([*command, tmp_path / 'out'], check=True, capture_output=True, text=True)
    assert done.stdout == '2 cut-outs\n'
    assert sorted(path.stem for path in (tmp_path / 'out').iterdir()) == names
    cut = cv2.imread(str(tmp_path / 'out' / f'{names[0]}.png'), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(cut[6, 6], (10, 20, 200, 255))
    assert cut[0, 0, 3] == 0
