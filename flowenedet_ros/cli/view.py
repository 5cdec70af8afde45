"""`flowenedet view BAG`: look at a recorded result, with or without a screen."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flowenedet_ros.cli.errors import CommandError


def add_parser(subparsers: Any) -> None:
    """Describe the arguments."""
    parser = subparsers.add_parser(
        'view',
        help='look at a bag with the masks, or make a picture or a video of it',
        description=(
            'Open a bag that the demo, `flowenedet bag` or the recorder of a robot wrote in the '
            'rerun viewer: camera, overlay, segmentation, masks and scores. Without a screen, '
            'write a file for that viewer, a picture or a video instead.'
        ),
    )
    parser.add_argument('bag', type=Path, metavar='BAG', help='rosbag2 folder, .mcap or .db3 file')
    parser.add_argument('--topic', help='camera topic; default: the one with the most frames')
    parser.add_argument(
        '--node', default='flowenedet', help='node that made the results; default: %(default)s'
    )
    parser.add_argument(
        '--save', type=Path, metavar='FILE.rrd', help='write a file for the rerun viewer'
    )
    parser.add_argument(
        '--png', type=Path, metavar='FILE', help='draw some frames in one picture; needs no rerun'
    )
    parser.add_argument(
        '--mp4', type=Path, metavar='FILE', help='write the overlay as a video; needs no rerun'
    )
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> None:
    """Make what was asked for; without a wish, open the viewer.

    :raises CommandError: there is no screen, no folder for a file, or nothing to show.
    """
    files = [path for path in (arguments.save, arguments.png, arguments.mp4) if path is not None]
    for path in files:
        if not path.parent.is_dir():
            raise CommandError(f'{path} cannot be written: there is no folder {path.parent}')
    if not files:
        _require_screen()
    if not files or arguments.save is not None:
        # Before anything else is done: it may be missing.
        from flowenedet_ros.replay import view_rerun
    from flowenedet_ros.replay.contact_sheet import write_contact_sheet
    from flowenedet_ros.replay.view_frames import ViewedResults
    from flowenedet_ros.replay.view_video import write_video

    results = ViewedResults(arguments.bag, arguments.topic, arguments.node)
    if not results.stamps:
        raise CommandError(f'{arguments.bag} has no frame with all results: nothing to show')
    if arguments.png is not None:
        print(f'{arguments.png}: {write_contact_sheet(results, arguments.png)} frames')
    if arguments.mp4 is not None:
        made = _counted(results, lambda tick: write_video(results, arguments.mp4, tick))
        print(f'{arguments.mp4}: {made} pictures of {len(results.stamps)} frames')
    if arguments.save is not None:
        made = _counted(results, lambda tick: view_rerun.save(results, arguments.save, tick))
        print(f'{arguments.save}: {made} frames; open it with: rerun {arguments.save}')
    if not files:
        _counted(results, lambda tick: view_rerun.show(results, tick))


def _counted(results: Any, work: Callable[[Callable[[], object]], int]) -> int:
    from tqdm import tqdm

    with tqdm(total=len(results.stamps), unit='frame', leave=False, disable=None) as bar:
        return work(lambda: bar.update())


def _require_screen() -> None:
    screens = ('DISPLAY', 'WAYLAND_DISPLAY')
    if sys.platform == 'linux' and not any(os.environ.get(name) for name in screens):
        raise CommandError(
            'there is no screen for the viewer: add --save FILE.rrd, --png FILE or --mp4 FILE'
        )
