"""`flowenedet evaluate`: run a benchmark on a bundle, print the table and save it."""

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from flowenedet_ros.cli.errors import CommandError

if TYPE_CHECKING:
    from flowenedet_ros.evaluation.benchmark import Benchmark, Request

BENCHMARKS = {
    'idm': 'misclassified pixels of any labelled folder',
    'ood': 'out-of-distribution pixels of any labelled folder (0 known, 1 unknown, 255 ignored)',
    'concurrent': 'both, and whether unknown objects are told from errors',
}


def add_parser(subparsers: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        'evaluate',
        help='run a benchmark, print and save the table',
        description='Compare methods on one frozen segmenter, in one pass over the images. A '
        'stopped run goes on where it was when called again with the same --json.',
    )
    benchmarks = parser.add_subparsers(metavar='BENCHMARK', required=True)
    for name, summary in BENCHMARKS.items():
        benchmark = benchmarks.add_parser(name, help=summary, description=summary)
        add_common(benchmark)
        _ADD[name](benchmark)
        benchmark.set_defaults(func=run, benchmark=name)


def add_common(parser: argparse.ArgumentParser) -> None:
    """Declare what every benchmark takes."""
    parser.add_argument('--model', required=True, help='bundle: a folder or a bundled model')
    parser.add_argument('--data', required=True, type=Path, metavar='DIR')
    parser.add_argument(
        '--methods', default='all', help='names with commas between, or all (default)'
    )
    parser.add_argument('--json', type=Path, metavar='FILE', help='write all figures there')
    parser.add_argument('--latex', type=Path, metavar='FILE', help='write the table for LaTeX')
    parser.add_argument('--report', type=Path, metavar='DIR', help='write the HTML report there')
    parser.add_argument(
        '--post',
        default='none',
        help='post-processing of every method alike: none (default), gaussian or sml',
    )
    parser.add_argument(
        '--stride',
        action='store_true',
        help="compare at the scores' own size with nearest labels: faster, other figures",
    )
    parser.add_argument('--workers', type=int, default=1, metavar='N', help='processes (default 1)')
    parser.add_argument('--threads', type=int, default=0, metavar='N', help='CPU threads of each')
    parser.add_argument('--backend', default='auto', help='auto, onnxruntime-cuda, openvino ...')
    parser.add_argument('--ray', metavar='ADDRESS', help='run on a Ray cluster (local starts one)')
    parser.add_argument('--limit', type=int, metavar='N', help='take N pictures, evenly spread')


def _add_idm(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--label-map',
        metavar='NAME',
        help='table from the ids of the files to those of the model, such as camvid_to_cityscapes',
    )


def _add_concurrent(parser: argparse.ArgumentParser) -> None:
    _add_idm(parser)
    parser.add_argument(
        '--ood-data',
        type=Path,
        metavar='DIR',
        help='folder with OOD labels; without it, 254 in the class labels is OOD',
    )


_ADD = {'idm': _add_idm, 'ood': lambda parser: None, 'concurrent': _add_concurrent}


def run(args: argparse.Namespace) -> int:
    """Run a benchmark; 1 where a picture could not be read."""
    from flowenedet_ros.evaluation.benchmark import run_benchmark

    content = run_benchmark(_benchmark(args), _request(args))
    return 1 if content['failed_images'] else 0


def _request(args: argparse.Namespace) -> 'Request':
    from flowenedet_ros.evaluation.benchmark import Request
    from flowenedet_ros.evaluation.engine import EngineConfig
    from flowenedet_ros.evaluation.run import RunOptions

    if args.workers < 1:
        raise CommandError(f'--workers {args.workers}: give 1 or more')
    methods = tuple(name.strip() for name in args.methods.split(',') if name.strip())
    return Request(
        EngineConfig(args.model, methods or ('all',), args.post, args.backend, args.threads),
        RunOptions(args.workers, args.ray),
        resolution='stride' if args.stride else 'labels',
        command=shlex.join(['flowenedet', *sys.argv[1:]]),
        json=args.json,
        latex=args.latex,
        report=args.report,
    )


def _benchmark(args: argparse.Namespace) -> 'Benchmark':
    from flowenedet_ros.evaluation import standard
    from flowenedet_ros.evaluation.counting import Counting
    from flowenedet_ros.inference.bundle import find_bundle, open_bundle

    counting = Counting('stride' if args.stride else 'labels')
    if args.benchmark == 'ood':
        return standard.ood_benchmark(args.data, counting, args.limit)
    manifest = open_bundle(find_bundle(args.model))
    classes = tuple(info.name for info in manifest.classes)
    if args.benchmark == 'idm':
        return standard.idm_benchmark(args.data, classes, args.label_map, counting, args.limit)
    return standard.concurrent_benchmark(
        args.data, args.ood_data, classes, args.label_map, counting, args.limit
    )
