"""`flowenedet calibrate`: fit score maps and thresholds on held-out data."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from flowenedet_ros.cli.arguments import labelled_folder

if TYPE_CHECKING:
    from flowenedet_ros.calibration.fitting import Fitted


def add_parser(subparsers: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        'calibrate',
        help='fit the score maps and thresholds on held-out data',
        description='Copy a bundle and give it scores that are probabilities, thresholds for three '
        'operating points with a stated guarantee, and a reference for drift. Use images that '
        'nothing was trained on, of the camera that the model will run on. Needs no PyTorch.',
    )
    parser.add_argument('--model', required=True, metavar='BUNDLE', help='folder or bundled name')
    parser.add_argument(
        '--data',
        required=True,
        metavar='DIR[:LABEL_MAP]',
        help='images/ and labels/ with class ids; 254: outlier, 255: nothing',
    )
    parser.add_argument(
        '--ood-data', metavar='DIR', help='images/ and labels/ with 0, 1 (outlier) and 255'
    )
    parser.add_argument(
        '--ood-prior',
        type=float,
        default=0.01,
        metavar='SHARE',
        help='share of outlier pixels for which the OOD score is a probability (default 0.01)',
    )
    parser.add_argument(
        '--unit',
        choices=('image', 'sequence'),
        default='image',
        help='what is exchangeable: images, or the drives that their names begin with',
    )
    parser.add_argument('--out', type=Path, required=True, metavar='DIR')
    parser.add_argument('--replace', action='store_true', help='replace a folder that is there')
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Fit, write the new bundle and print what was found."""
    from tqdm import tqdm

    from flowenedet_ros.calibration.fitting import fit
    from flowenedet_ros.calibration.frames import (
        Fingerprint,
        RawModel,
        known_frames,
        outlier_frames,
    )
    from flowenedet_ros.export.bundle_update import recalibrate
    from flowenedet_ros.inference.bundle import find_bundle

    model = RawModel(find_bundle(args.model))
    folder = labelled_folder(args.data)
    seen = Fingerprint()
    frames = list(known_frames(model, seen.watch(tqdm(folder, 'road images'))))
    outliers = []
    if args.ood_data:
        more = labelled_folder(args.ood_data)
        outliers = list(outlier_frames(model, seen.watch(tqdm(more, 'outliers'))))
    data = f'{folder.folder.name}: {len(frames)} images, {len(outliers)} with outliers, {seen}'
    fitted = fit(model, frames, outliers, unit=args.unit, ood_prior=args.ood_prior, data=data)
    recalibrate(args.model, args.out, fitted.info, fitted.drift.save, replace=args.replace)
    _report(fitted, args.out)
    return 0


def _report(fitted: 'Fitted', out: Path) -> None:
    for score, (before, after) in fitted.ece.items():
        print(f'{score}: expected calibration error {before:.4f} -> {after:.4f}')
    print('operating point   IDM threshold (rate)   OOD threshold (rate)')
    for name, point in fitted.info.operating_points.items():
        print(
            f'{name:<16}  {point.idm:.6f} ({100 * point.idm_fpr:.2f} %)    '
            f'{point.ood:.6f} ({100 * point.ood_fpr:.3f} %)'
        )
    print(fitted.info.guarantee)
    print(f'written: {out}')
