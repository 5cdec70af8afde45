"""Make cut-outs of things that no road scene holds, or of those that many do, from rendered emoji.

usage: python cut_out_emoji.py EMOJI.tgz GROUPS.tgz unknown|known OUT

EMOJI.tgz is the npm package `@lobehub/fluent-emoji-3d`, Microsoft's Fluent Emoji as pictures with
an alpha channel, and GROUPS.tgz `unicode-emoji-json`, which says of what group each is; both are
MIT.
"""

import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from cut_outs import save_cut_outs

GROUPS = {'Animals & Nature', 'Food & Drink', 'Activities', 'Objects'}
# Vegetation is a class of road scenes.
PLANTS = {'tree', 'leaf', 'herb', 'seedling', 'shamrock', 'clover', 'pine'}
KNOWN = {
    *('bus', 'oncoming bus', 'trolleybus', 'minibus', 'tram', 'tram car', 'light rail'),
    *('ambulance', 'fire engine', 'police car', 'oncoming police car', 'taxi', 'oncoming taxi'),
    *('automobile', 'oncoming automobile', 'sport utility vehicle', 'pickup truck'),
    *('delivery truck', 'articulated lorry', 'motorcycle', 'motor scooter', 'bicycle'),
    *(f'{who} {does}' for who in ('person', 'man', 'woman') for does in ('walking', 'standing')),
    *(f'{who} {does}' for who in ('person', 'man', 'woman') for does in ('running', 'biking')),
    *('evergreen tree', 'deciduous tree', 'vertical traffic light', 'stop sign'),
}
"""Names of what the classes of road scenes cover."""


def is_wanted(name: str, group: str, kind: str) -> bool:
    """Tell whether an emoji shows a known thing, or a thing or an animal that is unknown."""
    if kind == 'known':
        return name in KNOWN
    return group in GROUPS and not PLANTS & set(name.split())


def things(groups: Path, kind: str) -> Iterator[str]:
    """Give the code points of emoji of things, as file names have them."""
    with tarfile.open(groups) as archive:
        member = archive.extractfile('package/data-by-emoji.json')
        assert member is not None  # only folders and links have none
        known = json.load(member)
    for emoji, about in known.items():
        if is_wanted(about['name'].lower(), about['group'], kind):
            yield '-'.join(f'{ord(character):x}' for character in emoji)


def cut_outs(emoji: Path, groups: Path, kind: str) -> Iterator[tuple[str, bytes]]:
    """Give the name of each emoji of a thing, and its picture as PNG."""
    wanted = {f'package/assets/{code}.webp' for code in things(groups, kind)}
    with tarfile.open(emoji) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.name in wanted else None
            if content is not None:
                data = np.frombuffer(content.read(), np.uint8)
                picture = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
                assert picture is not None  # the package is pinned
                yield Path(member.name).stem, cv2.imencode('.png', picture)[1].tobytes()


if __name__ == '__main__':
    emoji, groups, kind, out = sys.argv[1:]
    save_cut_outs(cut_outs(Path(emoji), Path(groups), kind), Path(out))
