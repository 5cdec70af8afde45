"""`flowenedet train-segmenter`: fit a segmenter on labelled pictures."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowenedet_ros.training.segmentation_views import Samples


def add_parser(subparsers: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        'train-segmenter',
        help='train a segmenter on a labelled data set',
        description='Fit a segmenter. A stopped run goes on where it was when called again. '
        'Under torchrun it trains on every process.',
    )
    parser.add_argument(
        '--data',
        action='append',
        required=True,
        metavar='DIR[:LABEL_MAP]',
        help='folder with images/ and labels/; may be given several times',
    )
    parser.add_argument(
        '--validation', required=True, metavar='DIR[:LABEL_MAP]', help='picks the best epoch'
    )
    parser.add_argument('--test', metavar='DIR[:LABEL_MAP]', help='scored once, at the end')
    parser.add_argument('--classes', default='camvid', help='class list: camvid or cityscapes')
    parser.add_argument(
        '--scenes', type=int, default=0, metavar='N', help='add N synthetic street scenes'
    )
    parser.add_argument('--architecture', default='deeplabv3plus_efficientnet-lite0')
    parser.add_argument('--size', default='384x512', metavar='HxW', help='training view in pixels')
    parser.add_argument('--epochs', type=int, default=30)
    parser.add_argument('--batch-size', type=int, default=8)
    parser.add_argument('--learning-rate', type=float, default=1.5e-3)
    parser.add_argument('--start', type=Path, metavar='PTH', help='weights to start from')
    parser.add_argument('--teacher', metavar='ARCHITECTURE:PTH', help='segmenter to distil from')
    parser.add_argument(
        '--distillation', type=float, default=1.0, help="weight of the teacher's loss"
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--out', type=Path, required=True, metavar='DIR')
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Train, then print the mIoU of the test set where one is given."""
    from flowenedet_ros.training.distributed import training_process

    with training_process() as process:
        trainer = _trainer(args, process)
        best = trainer.fit()
        if args.test and process.is_first:
            trainer.report_test(best, _samples(args.test), args.out / 'test.json')
    return 0


def _trainer(args: argparse.Namespace, process: 'Process') -> 'SegmenterTrainer':
    import torch

    from flowenedet_ros.data.classes import CLASS_LISTS
    from flowenedet_ros.segmenters.registry import build_network, load_imagenet_encoder
    from flowenedet_ros.training.cached_samples import CachedSamples
    from flowenedet_ros.training.scene_samples import SceneSamples
    from flowenedet_ros.training.segmenter_training import SegmenterTrainer, SegmenterTraining

    classes = choice(CLASS_LISTS, args.classes, '--classes')
    size = image_size(args.size)
    sources: list[Samples] = [CachedSamples(labelled_folder(text)) for text in args.data]
    if args.scenes:
        sources.append(SceneSamples(args.scenes, size, seed=args.seed))
    network = build_network(args.architecture, len(classes))
    if args.start:
        network.load_state_dict(torch.load(args.start, map_location='cpu', weights_only=True))
    else:
        load_imagenet_encoder(network)
    settings = SegmenterTraining(
        architecture=args.architecture,
        num_classes=len(classes),
        epochs=args.epochs,
        size=size,
        batch_size=args.batch_size,
        learning_rate=args.learning_rate,
        distillation=args.distillation if args.teacher else 0.0,
        seed=args.seed,
        sources=[*args.data, f'{args.scenes} scenes'],
    )
    teacher = _teacher(args.teacher, len(classes), process) if args.teacher else None
    validation = CachedSamples(labelled_folder(args.validation))
    return SegmenterTrainer(settings, network, sources, validation, args.out, process, teacher)
