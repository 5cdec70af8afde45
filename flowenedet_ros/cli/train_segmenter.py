"""`flowenedet train-segmenter`: fit a segmenter on labelled pictures."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowenedet_ros.data.classes import ClassInfo
    from flowenedet_ros.segmenters.interface import FrozenSegmenter
    from flowenedet_ros.training.confusion import Confusion
    from flowenedet_ros.training.distributed import Process
    from flowenedet_ros.training.segmentation_views import Samples
    from flowenedet_ros.training.segmenter_training import SegmenterTrainer


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
        metavar='DIR[:LABEL_MAP[:REPEATS]]',
        help='folder with images/ and labels/, each picture seen REPEATS times an epoch; may be '
        'given several times',
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
    parser.add_argument(
        '--input-size',
        metavar='HxW',
        help='pictures are validated, tested and later run at this size; default: --size',
    )
    parser.add_argument(
        '--scales',
        default='0.6,1.9',
        metavar='MIN,MAX',
        help="size of a picture relative to the view's",
    )
    parser.add_argument(
        '--unlabelled',
        action='append',
        default=[],
        metavar='VIDEO_OR_DIR',
        help='frames that only the teacher labels',
    )
    parser.add_argument('--epochs', type=int, default=30)
    parser.add_argument(
        '--validate-every', type=int, default=1, metavar='EPOCHS', help='default: each epoch'
    )
    parser.add_argument(
        '--until', type=int, metavar='EPOCH', help='end here; a later call goes on from there'
    )
    parser.add_argument('--batch-size', type=int, default=8)
    parser.add_argument('--learning-rate', type=float, default=1.5e-3)
    parser.add_argument(
        '--encoder-rate',
        type=float,
        default=0.4,
        metavar='FACTOR',
        help="the encoder's learning rate over the head's; 1 suits an encoder without ImageNet's",
    )
    parser.add_argument('--start', type=Path, metavar='PTH', help='weights to start from')
    parser.add_argument(
        '--freeze-early', action='store_true', help='keep the encoder as it is down to stride 4'
    )
    parser.add_argument('--teacher', metavar='FILE', help='segmenter to distil from')
    parser.add_argument(
        '--distillation', type=float, default=1.0, help="weight of the teacher's classes"
    )
    parser.add_argument(
        '--hint', type=float, default=0.0, help="weight of the teacher's deep map; default: 0"
    )
    parser.add_argument(
        '--average-steps', type=int, default=200, metavar='N', help='averaged over by the result'
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--out', type=Path, required=True, metavar='DIR')
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Train, write OUT/segmenter.safetensors, print and save the figures."""
    import torch

    from flowenedet_ros.cli.arguments import choice, folder_choice, labelled_folder
    from flowenedet_ros.data.classes import CLASS_LISTS
    from flowenedet_ros.data.folder import LabelledFolder
    from flowenedet_ros.segmenters.registry import save_segmenter
    from flowenedet_ros.training.cached_samples import CachedSamples
    from flowenedet_ros.training.distributed import training_process

    _check_counts(args)
    classes = choice(CLASS_LISTS, args.classes, '--classes')
    with training_process() as process:
        sources: list[Samples] = []
        for chosen in (folder_choice(text, 'repeats') for text in args.data):
            pictures = CachedSamples(LabelledFolder(chosen.folder, chosen.label_map))
            sources += [pictures] * chosen.repeats
        validation = CachedSamples(labelled_folder(args.validation))
        trainer = _trainer(args, classes, sources, validation, process)
        best = trainer.fit(args.until)
        if not process.is_first:
            return 0
        state = torch.load(best, map_location='cpu', weights_only=True)
        file = args.out / 'segmenter.safetensors'
        save_segmenter(file, args.architecture, state, classes, trainer.settings.input_size)
        figures = {'validation': trainer.evaluate(state, validation)}
        if args.test:
            figures['test'] = trainer.evaluate(state, labelled_folder(args.test))
    _report(args.out / 'figures.json', figures, classes)
    return 0


def _check_counts(args: argparse.Namespace) -> None:
    from flowenedet_ros.cli.errors import CommandError

    for option in ('--epochs', '--validate-every', '--batch-size', '--average-steps'):
        value = getattr(args, option[2:].replace('-', '_'))
        if value < 1:
            raise CommandError(f'{option} {value}: expected a whole number from 1 on')


def _trainer(
    args: argparse.Namespace,
    classes: 'tuple[ClassInfo, ...]',
    sources: 'list[Samples]',
    validation: 'Samples',
    process: 'Process',
) -> 'SegmenterTrainer':
    import torch

    from flowenedet_ros.cli.arguments import image_size, number_pair
    from flowenedet_ros.segmenters.checkpoints import load_state, read_checkpoint
    from flowenedet_ros.segmenters.registry import build_network, load_imagenet_encoder
    from flowenedet_ros.training.cached_samples import CachedSamples
    from flowenedet_ros.training.material import VideoSamples
    from flowenedet_ros.training.scene_samples import SceneSamples
    from flowenedet_ros.training.segmenter_training import SegmenterTrainer, SegmenterTraining

    size = image_size(args.size)
    if args.scenes:
        sources.append(CachedSamples(SceneSamples(args.scenes, size, seed=args.seed)))
    for path in args.unlabelled:
        sources.append(VideoSamples(Path(path)))
    torch.manual_seed(args.seed)
    network = build_network(args.architecture, len(classes))
    if args.start:
        load_state(network, read_checkpoint(args.start).state, args.architecture, args.start)
    else:
        load_imagenet_encoder(network)
    settings = SegmenterTraining(
        architecture=args.architecture,
        num_classes=len(classes),
        epochs=args.epochs,
        size=size,
        input_size=image_size(args.input_size or args.size),
        scales=number_pair(args.scales),
        batch_size=args.batch_size,
        learning_rate=args.learning_rate,
        encoder_factor=args.encoder_rate,
        average_decay=1 - 1 / args.average_steps,
        validate_every=args.validate_every,
        distillation=args.distillation if args.teacher else 0.0,
        hint=args.hint if args.teacher else 0.0,
        freeze_early=args.freeze_early,
        seed=args.seed,
        sources=[*args.data, f'{args.scenes} scenes', *args.unlabelled],
    )
    teacher = _teacher(args.teacher, classes).to(process.device) if args.teacher else None
    return SegmenterTrainer(settings, network, sources, validation, args.out, process, teacher)


def _teacher(path: str, classes: 'tuple[ClassInfo, ...]') -> 'FrozenSegmenter':
    from flowenedet_ros.cli.errors import CommandError
    from flowenedet_ros.segmenters import load_segmenter
    from flowenedet_ros.segmenters.interface import IMAGENET_MEAN, IMAGENET_STD

    teacher = load_segmenter(path)
    wanted, known = ([info.name for info in group] for group in (classes, teacher.spec.classes))
    if known != wanted:
        raise CommandError(
            f'--teacher {path} knows the classes {", ".join(known)}; this run needs those of '
            f'--classes: {", ".join(wanted)}'
        )
    if (teacher.spec.mean, teacher.spec.std) != (IMAGENET_MEAN, IMAGENET_STD):
        raise CommandError(f'--teacher {path} normalises its input otherwise than this run')
    return teacher


def _report(path: Path, results: 'dict[str, Confusion]', classes: 'tuple[ClassInfo, ...]') -> None:
    figures = {}
    for name, confusion in results.items():
        ious = dict(zip((info.name for info in classes), confusion.iou().tolist(), strict=True))
        figures[name] = {'miou': confusion.miou(), 'accuracy': confusion.accuracy(), 'iou': ious}
        shown = ', '.join(f'{label} {iou:.3f}' for label, iou in ious.items())
        print(f'{name}: mIoU {confusion.miou():.4f} ({shown})')
    path.write_text(json.dumps(figures, indent=1) + '\n')
