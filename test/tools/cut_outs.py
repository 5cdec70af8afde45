"""A folder of cut-outs, as every tool that makes some leaves it."""

from collections.abc import Iterable
from pathlib import Path


def save_cut_outs(cut_outs: Iterable[tuple[str, bytes]], out: Path) -> None:
    """Write one PNG for each name; make goes by the folder, so it appears when whole."""
    part = out.with_name(f'{out.name}.part')
    part.mkdir(parents=True, exist_ok=True)
    for name, picture in cut_outs:
        (part / f'{name}.png').write_bytes(picture)
    part.rename(out)
    print(len(list(out.glob('*.png'))), 'cut-outs')
