"""`flowenedet train`: fit the flow on a frozen segmenter."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from flowenedet_ros.cli.arguments import folder_choice
from flowenedet_ros.cli.segmenter_argument import add_segmenter_arguments, open_segmenter

if TYPE_CHECKING:
    from flowenedet_ros.segmenters.interface import SegmenterSpec
    from flowenedet_ros.training.fit_detectors import Material

VARIANTS = ('flowenedet', 'fed_u', 'fed_c', 'convnet')


def add_parser(subparsers: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        'train',
        help='fit the flow on a frozen segmenter and a labelled data set',
        description='Fit detectors on a frozen segmenter and write them to OUT/flow.safetensors. '
        'Outputs of the segmenter are kept in OUT/cache, and a stopped run goes on where it was. '
        'Under torchrun it trains on every process.',
    )
    add_segmenter_arguments(parser)
    parser.add_argument(
        '--data',
        action='append',
        required=True,
        metavar='DIR[:LABEL_MAP[:REPEATS]]',
        help='labelled frames of one camera, each seen REPEATS times; may be given several times',
    )
    parser.add_argument(
        '--unlabelled',
        action='append',
        default=[],
        metavar='VIDEO_OR_DIR',
        help='road frames without labels: they teach what is no outlier',
    )
    parser.add_argument(
        '--validation',
        action='append',
        required=True,
        metavar='DIR[:LABEL_MAP[:STEP]]',
        help='every STEP-th frame is validated on',
    )
    parser.add_argument(
        '--scenes',
        type=int,
        default=0,
        metavar='N',
        help='add N synthetic streets (CamVid classes)',
    )
    parser.add_argument(
        '--outliers',
        type=Path,
        action='append',
        default=[],
        metavar='DIR',
        help='RGBA cut-outs to paste; of several folders each is as likely',
    )
    parser.add_argument(
        '--known',
        type=Path,
        action='append',
        default=[],
        metavar='DIR',
        help='RGBA cut-outs of things that a class covers: pasted ones are not all unknown',
    )
    parser.add_argument(
        '--repaint',
        action='store_true',
        help='recolour streets and paint marks on them: helps small segmenters with new cameras',
    )
    parser.add_argument('--variants', default='flowenedet,fed_u,fed_c')
    parser.add_argument('--steps', type=int, default=2400)
    parser.add_argument(
        '--seed', type=int, default=0, help='of the fit; the views are the same for all seeds'
    )
    parser.add_argument('--cache', type=Path, metavar='DIR', help='default OUT/cache')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR')
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Fit every variant in turn, print and save the validation figures."""
    from flowenedet_ros.detector.build import save_detectors
    from flowenedet_ros.training.distributed import training_process
    from flowenedet_ros.training.fit_detectors import (
        PUBLISHED,
        cache_material,
        detector_config,
        detector_training,
        fit_detector,
        gather_statistics,
    )

    segmenter = open_segmenter(args)
    material = _material(args, segmenter.spec)
    root = args.cache or args.out / 'cache'
    variants = args.variants.split(',')
    detectors, figures = {}, {}
    with training_process() as process:
        plain = any(variant in PUBLISHED for variant in variants)
        with process.first_goes_first():
            caches = cache_material(segmenter, material, root, process.device, plain=plain)
        statistics = gather_statistics(caches.pasted, len(segmenter.spec.classes))
        used = [cache.name for cache in (caches.pasted, caches.plain) if cache is not None]
        for variant in variants:
            config = detector_config(segmenter, variant)
            settings = detector_training(variant, args.steps, args.seed, ' '.join(used))
            detectors[variant], figures[variant] = fit_detector(
                config, settings, caches, statistics, args.out / variant, process
            )
        if process.is_first:
            save_detectors(args.out / 'flow.safetensors', detectors)
            table = {k: {n: r._asdict() for n, r in v.items()} for k, v in figures.items()}
            (args.out / 'validation.json').write_text(json.dumps(table, indent=1))
            for variant, result in figures.items():
                print(variant, ', '.join(f'{k} {v}' for k, v in result.items()), sep=': ')
    return 0


def _material(args: argparse.Namespace, spec: 'SegmenterSpec') -> 'Material':
    from flowenedet_ros.training.material import gather_material, scene_frames, unlabelled_frames

    scenes = [scene_frames(args.scenes, spec)] if args.scenes else []

    return gather_material(
        [folder_choice(text, 'repeats') for text in args.data],
        [folder_choice(text, 'step') for text in args.validation],
        [unlabelled_frames(path) for path in args.unlabelled] + scenes,
        args.outliers,
        spec,
        known=args.known,
        repaint=args.repaint,
    )
