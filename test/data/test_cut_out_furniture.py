"""Furniture and animals become cut-outs; plants, vehicles and what belongs to streets do not."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

TOOL = Path(__file__).parents[1] / 'tools' / 'cut_out_furniture.py'
PIECES = (
    ('Wooden box', 'Miscellaneous'),
    ('Indoor plant', 'Living room'),
    ('City bus', 'Vehicles'),
    ('Siamese cat', 'Characters'),
    ('Sitting girl', 'Characters'),
    ('Park light', 'Lights'),
)


def test_things_are_cut_out(tmp_path):
    lines = ['id=Some library', 'name=of furniture']
    with ZipFile(tmp_path / 'Some.sh3f', 'w') as archive:
        for number, (name, category) in enumerate(PIECES, 1):
            icon = f'/some/{number}.png'
            lines += [f'name#{number}={name}', f'category#{number} = {category}']
            lines += [f'icon#{number}={icon}', f'model#{number}=/some/{number}.obj']
            archive.writestr(icon[1:], f'picture {number}')
        archive.writestr('PluginFurnitureCatalog.properties', '\n'.join(lines))
    command = [sys.executable, TOOL, tmp_path, tmp_path / 'out']
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == '2 cut-outs\n'
    written = {path.name: path.read_text() for path in (tmp_path / 'out').iterdir()}
    assert written == {'Some-1.png': 'picture 1', 'Some-4.png': 'picture 4'}
