"""`flowenedet bag IN OUT`: masks for every frame of a recorded bag."""

import argparse
import sys
from pathlib import Path
from typing import Any


def add_parser(subparsers: Any) -> None:
    """Describe the arguments."""
    parser = subparsers.add_parser(
        'bag',
        help='process a recorded bag offline into a bag with the masks',
        description=(
            'Run every camera frame of a bag through a model and write a new rosbag2 folder (mcap) '
            'that holds all topics of the input and, beside them, what the node would publish. '
            'The input is only read. An interrupted run goes on when the command is repeated.'
        ),
    )
    parser.add_argument('input', type=Path, metavar='IN', help='rosbag2 folder, .mcap or .db3 file')
    parser.add_argument('output', type=Path, metavar='OUT', help='folder of the new bag')
    parser.add_argument('--topic', help='image topic; default: the one with the most frames')
    parser.add_argument(
        '--model',
        default='camvid_deeplabv3plus',
        help='bundled model name or bundle folder; default: %(default)s',
    )
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Process the bag; give 1 where no frame could be used."""
    from tqdm import tqdm

    from flowenedet_ros.inference import load_bundle
    from flowenedet_ros.replay.bag_reader import BagReader
    from flowenedet_ros.replay.offline import OfflineRun

    with BagReader(arguments.input) as reader:
        reader.image_topic(arguments.topic)
        with load_bundle(arguments.model) as model:
            work = OfflineRun(reader, arguments.output, model, arguments.topic)
            if work.bag.complete:
                print(f'{arguments.output} is complete already')
            with tqdm(total=work.total, unit='message', disable=work.bag.complete or None) as bar:
                counts = work.run(on_message=lambda: bar.update())
    print(f'{work.image_topic}: {counts.processed} frames processed, {counts.rejected} rejected')
    if counts.rejection is not None:
        print(f'first rejected frame: {counts.rejection}', file=sys.stderr)
    return 0 if counts.processed or not counts.rejected else 1
