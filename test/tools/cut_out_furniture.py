"""Make cut-outs of things that no road scene holds, or of those that many do, from furniture.

usage: python cut_out_furniture.py FOLDER unknown|known OUT

FOLDER holds the libraries (*.sh3f) of Debian's package `sweethome3d-furniture`: models by many
authors under CC0 and CC-BY 3.0, each with a picture of it that has an alpha channel.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

from cut_outs import save_cut_outs

# Classes of road scenes, or no thing that stands somewhere by itself.
CATEGORIES = {'Characters', 'Doors and windows', 'Staircases', 'Vehicles'}
TAKEN = {'cat', 'dog', 'rabbit', 'bulldog', 'horse', 'chicken', 'stroller', 'skateboard'}
"""Words of names that are taken from those categories all the same."""
PLANTS = (
    'plant tree flowers ficus bamboo yucca spathiphyllum tulips lily orchids cactus hedge bush '
    'acacia pine beech cypress maple poplar palm peach'
)
STREET = 'railing fence column street lamppost park porch outdoor motorbike sign'
GROUND = 'parking crossing arrow sidewalk rails pool'
WALLS = 'window door chimney curtain blind socket plug switch'
LEFT_OUT = set(' '.join((PLANTS, STREET, GROUND, WALLS)).split())
"""Words of names that are left out of all others."""
NOT_KNOWN = {'fork', 'tricycle', 'lying', 'sitting', 'mannequin'}
"""Words of names of people and vehicles that are rare on streets."""
TREES = {'acacia', 'ficus', 'pine', 'beech', 'cypress', 'maple', 'poplar', 'hedge', 'bush'}
ENTRY = re.compile(r'^(name|category|icon)#(\d+)\s*=\s*(.*?)\s*$', re.MULTILINE)


def is_wanted(name: str, category: str, kind: str) -> bool:
    """Tell whether a piece is a thing that a class of road scenes covers, or that none does."""
    words = set(name.lower().split())
    if kind == 'known':
        moves = category in ('Characters', 'Vehicles') and not words & (NOT_KNOWN | TAKEN)
        return moves or (category == 'Exterior' and bool(words & TREES))
    return bool(words & TAKEN) if category in CATEGORIES else not words & LEFT_OUT


def cut_outs(folder: Path, kind: str) -> Iterator[tuple[str, bytes]]:
    """Give a name and the picture of each wanted piece."""
    for library in sorted(folder.rglob('*.sh3f')):
        with ZipFile(library) as archive:
            catalogue = archive.read('PluginFurnitureCatalog.properties').decode('latin-1')
            pieces: defaultdict[str, dict[str, str]] = defaultdict(dict)
            for key, number, value in ENTRY.findall(catalogue):
                pieces[number][key] = value
            for number, piece in pieces.items():
                if 'icon' in piece and is_wanted(piece['name'], piece['category'], kind):
                    yield f'{library.stem}-{number}', archive.read(piece['icon'].lstrip('/'))


if __name__ == '__main__':
    folder, kind, out = sys.argv[1:]
    save_cut_outs(cut_outs(Path(folder), kind), Path(out))
