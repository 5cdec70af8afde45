"""`flowenedet export`: write a model bundle."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from flowenedet_ros.data.folder import Sample

PRECISIONS = ('fp32', 'fp16', 'int8')
_GOLDEN = 2
_COMPARED = 4
_QUANTISED_ON = 32


def add_parser(subparsers: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        'export',
        help='write a model bundle: ONNX and everything the node needs',
        description='Fuse a segmenter and its detector into one graph, write it in the precisions '
        'asked for, hold each against eager PyTorch, and write the folder that the node loads. '
        'With --model, copy a bundle and add precisions to it.',
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument('--segmenter', metavar='NAME_OR_PATH', help='as in `flowenedet train`')
    source.add_argument('--model', metavar='BUNDLE', help='add precisions to this bundle')
    parser.add_argument('--checkpoint', metavar='PTH', help='weights of a named architecture')
    parser.add_argument('--size', metavar='HxW', help='network input, where it is not as trained')
    parser.add_argument('--detectors', type=Path, metavar='FILE', help='flow.safetensors of train')
    parser.add_argument('--variant', default='flowenedet', help='detector that goes into the graph')
    parser.add_argument(
        '--images',
        type=Path,
        required=True,
        metavar='DIR',
        help=f'road images: {_GOLDEN} for the self-test, up to {_QUANTISED_ON} for int8',
    )
    parser.add_argument(
        '--labelled',
        metavar='DIR[:LABEL_MAP]',
        help='labelled frames (254: outlier) on which no precision may lose half a point of AP',
    )
    parser.add_argument('--precision', default='fp32,fp16', help='of fp32, fp16, int8')
    parser.add_argument('--mode', choices=('mid', 'quarter'), default='mid')
    parser.add_argument('--channel-order', choices=('bgr', 'rgb'), default='bgr')
    parser.add_argument(
        '--batch', choices=('1', 'any'), default='1', help='images that one call takes'
    )
    parser.add_argument('--name', help='of the model; default: that of the folder')
    parser.add_argument(
        '--notes', type=Path, metavar='YAML', help='miou and training, kept in model.yaml'
    )
    parser.add_argument('--out', type=Path, required=True, metavar='DIR')
    parser.add_argument('--replace', action='store_true', help='replace a folder that is there')
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Write the bundle and say how near each precision is."""
    from flowenedet_ros.cli.errors import CommandError

    precisions = args.precision.split(',')
    unknown = sorted(set(precisions) - set(PRECISIONS))
    if unknown:
        raise CommandError(f'no precision {unknown[0]!r}: choose of {", ".join(PRECISIONS)}')
    if args.model:
        from flowenedet_ros.export.bundle_update import add_precisions

        images = _pictures(args.images, _QUANTISED_ON) if 'int8' in precisions else []
        add_precisions(args.model, args.out, precisions, images, replace=args.replace)
    else:
        _export(args, precisions)
    _report(args.out)
    return 0


def _export(args: argparse.Namespace, precisions: list[Any]) -> None:
    from flowenedet_ros.cli.errors import CommandError
    from flowenedet_ros.cli.segmenter_argument import open_segmenter
    from flowenedet_ros.detector.build import load_detectors
    from flowenedet_ros.export.bundle_writer import BundleSource, ExportOptions, write_bundle

    if args.detectors is None:
        raise CommandError('--segmenter needs --detectors too: the flow.safetensors of train')
    notes = _notes(args.notes)
    source = BundleSource(
        args.name or args.out.name,
        open_segmenter(args),
        load_detectors(args.detectors),
        _pictures(args.images, _GOLDEN),
        args.variant,
        miou=notes.get('miou', {}),
        training=notes.get('training', {}),
    )
    options = ExportOptions(
        precisions=precisions,
        mode=args.mode,
        channel_order=args.channel_order,
        batch=None if args.batch == 'any' else 1,
        int8_images=_pictures(args.images, _QUANTISED_ON) if 'int8' in precisions else (),
        samples=_labelled(args.labelled),
    )
    write_bundle(args.out, source, options, replace=args.replace)


def _pictures(folder: Path, most: int) -> 'list[NDArray[np.uint8]]':
    """Read pictures spread evenly over a folder."""
    from flowenedet_ros.data.errors import DataError
    from flowenedet_ros.data.images import describe, list_images, read_image

    paths = list_images(folder) if folder.is_dir() else []
    if not paths:
        raise DataError(f'{folder}: expected pictures, found {describe(folder)}')
    count = min(most, len(paths))
    return [read_image(paths[i * len(paths) // count]) for i in range(count)]


def _labelled(text: str | None) -> 'Sequence[Sample]':
    from flowenedet_ros.cli.arguments import labelled_folder

    if text is None:
        return ()
    folder = labelled_folder(text)
    count = min(_COMPARED, len(folder))
    return [folder[i * len(folder) // count] for i in range(count)]


def _notes(path: Path | None) -> dict[str, Any]:
    from flowenedet_ros.cli.errors import CommandError

    if path is None:
        return {}
    import yaml

    try:
        notes = yaml.safe_load(path.read_text(encoding='utf-8'))
    except yaml.YAMLError as error:
        raise CommandError(f'{path} is no YAML: {error}') from error
    if not isinstance(notes, dict) or set(notes) - {'miou', 'training'}:
        raise CommandError(f'{path}: expected the keys `miou` and `training`')
    return notes


def _report(folder: Path) -> None:
    from flowenedet_ros.inference.manifest import MANIFEST
    from flowenedet_ros.inference.manifest_reader import read_manifest

    manifest = read_manifest(folder / MANIFEST)
    for precision, figures in manifest.training.get('parity', {}).items():
        offered = figures['problem'] == 'none'
        print(
            f'{precision}: labels agree on {100 * figures["label_agreement"]:.3f} %, scores '
            f'correlate {figures["idm_correlation"]:.5f} (IDM) {figures["ood_correlation"]:.5f} '
            f'(OOD), AP {figures["ap"] or "not compared"}'
            + ('' if offered else f'; left out: {figures["problem"]}')
        )
    megabytes = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    files = ', '.join(sorted(manifest.files))
    print(f'{folder}: {megabytes:.1f} MB ({files})')
