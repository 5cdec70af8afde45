"""Furniture and animals are unknown, vehicles and people known, indoor plants and lamps neither."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

TOOL = Path(__file__).parents[1] / 'tools' / 'cut_out_furniture.py'
PIECES = (
    ('Wooden box', 'Miscellaneous'),
    ('Indoor plant', 'Living room'),
    ('City bus', 'Vehicles'),
    ('Siamese cat', 'Characters'),
    ('Sitting girl', 'Characters'),
    ('Park light', 'Lights'),
    ('Copper beech', 'Exterior'),
)


@pytest.mark.parametrize(('kind', 'numbers'), [('unknown', (1, 4)), ('known', (3, 7))])
def test_things_are_cut_out(tmp_path, kind, numbers):
    lines = ['id=Some library', 'name=of furniture']
    with ZipFile(tmp_path / 'Some.sh3f', 'w') as archive:
        for number, (name, category) in enumerate(PIECES, 1):
            icon = f'/some/{number}.png'
            lines += [f'name#{number}={name}', f'category#{number} = {category}']
            lines += [f'icon#{number}={icon}', f'model#{number}=/some/{number}.obj']
            archive.writestr(icon[1:], f'picture {number}')
        archive.writestr('PluginFurnitureCatalog.properties', '\n'.join(lines))
    command = [sys.executable, TOOL, tmp_path, kind, tmp_path / 'out']
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == '2 cut-outs\n'
    written = {path.name: path.read_text() for path in (tmp_path / 'out').iterdir()}
    assert written == {f'Some-{number}.png': f'picture {number}' for number in numbers}
