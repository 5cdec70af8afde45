"""The arguments that name a frozen segmenter."""

import argparse
from typing import TYPE_CHECKING

from flowenedet_ros.cli.arguments import image_size

if TYPE_CHECKING:
    from flowenedet_ros.segmenters.interface import FrozenSegmenter


def add_segmenter_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument(
        '--segmenter',
        required=True,
        metavar='NAME_OR_PATH',
        help='file of train-segmenter, Hugging Face folder, YAML of a foreign segmenter, or an '
        'architecture whose weights --checkpoint holds',
    )
    parser.add_argument('--checkpoint', metavar='PTH', help='weights of a named architecture')
    parser.add_argument('--size', metavar='HxW', help='network input, where it is not as trained')


def open_segmenter(args: argparse.Namespace) -> 'FrozenSegmenter':
    """Load what the arguments name.

    :raises SegmenterError: where it is not there or does not fit.
    """
    from flowenedet_ros.segmenters import load_segmenter

    size = image_size(args.size) if args.size else None
    segmenter: FrozenSegmenter = load_segmenter(args.segmenter, args.checkpoint, input_size=size)
    return segmenter
