"""`flowenedet evaluate`: run a benchmark on a bundle, print the table and save it."""

import argparse
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flowenedet_ros.cli.errors import CommandError

if TYPE_CHECKING:
    from flowenedet_ros.evaluation.benchmark import Benchmark
    from flowenedet_ros.evaluation.benchmark_run import Request
    from flowenedet_ros.evaluation.counting import Counting

BENCHMARKS = {
    'idm': 'misclassified pixels of any labelled folder',
    'ood': 'out-of-distribution pixels of any labelled folder (0 known, 1 unknown, 255 ignored)',
    'concurrent': 'both, and whether unknown objects are told from errors',
    'cityscapes': 'Cityscapes: mIoU, errors, void as unknown, open-mIoU',
    'cityscapes-c': 'the same under corruptions made on the fly (or CamVid-C and the like)',
    'fishyscapes': 'Fishyscapes Static and Lost and Found',
    'segment-me-if-you-can': "SegmentMeIfYouCan's tracks and RoadAnomaly, pixels and components",
    'road-data': 'a folder of public sets (camvid/test, cityscapes, ood/*) on one page',
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


def _add_cityscapes(parser: argparse.ArgumentParser) -> None:
    _add_idm(parser)
    parser.add_argument('--split', default='val', help='val (default), train or test')
    parser.add_argument(
        '--held-out',
        metavar='SPLIT|DIR',
        help='other pictures, to choose the threshold of open-mIoU on',
    )


def _add_cityscapes_c(parser: argparse.ArgumentParser) -> None:
    _add_idm(parser)
    parser.add_argument(
        '--set',
        default='paper',
        help='paper (15 corruptions, severities 1-4; default) or full (15 x 5 of Cityscapes-C)',
    )
    parser.add_argument('--corruptions', metavar='NAME,...', help='these instead')
    parser.add_argument('--severities', metavar='N,...', help='these instead')
    parser.add_argument('--cache', type=Path, metavar='DIR', help='keep corrupted pictures there')


def _add_submission(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--submission',
        type=Path,
        metavar='DIR',
        help='write score maps of all pictures of --data there, for the owners to score',
    )
    parser.add_argument('--submit-method', default='flowenedet', metavar='NAME')
    parser.add_argument(
        '--submit-dataset',
        default='AnomalyTrack-all',
        metavar='NAME',
        help="as the owners' name it",
    )


def _add_nothing(parser: argparse.ArgumentParser) -> None:
    pass


_ADD = {
    'idm': _add_idm,
    'ood': _add_nothing,
    'concurrent': _add_concurrent,
    'cityscapes': _add_cityscapes,
    'cityscapes-c': _add_cityscapes_c,
    'fishyscapes': _add_submission,
    'segment-me-if-you-can': _add_submission,
    'road-data': _add_nothing,
}


def run(args: argparse.Namespace) -> int:
    """Run a benchmark; 1 where a picture could not be read."""
    from flowenedet_ros.evaluation.benchmark_run import run_benchmark
    from flowenedet_ros.evaluation.submission import submit

    request = _request(args)
    if getattr(args, 'submission', None) is not None:
        submit(
            request,
            args.data,
            args.submission,
            args.benchmark,
            args.submit_dataset,
            args.submit_method,
        )
        return 0
    with _scratch(args.json) as scratch:
        content = run_benchmark(_benchmark(args, scratch), request)
    return 1 if content['failed_images'] else 0


@contextmanager
def _scratch(target: Path | None) -> Iterator[Path]:
    """Give a folder for what lies between two passes; a stopped run finds it again."""
    if target is None:
        with tempfile.TemporaryDirectory(prefix='flowenedet-') as folder:
            yield Path(folder)
    else:
        kept = target.with_name(f'{target.name}.scores')
        yield kept
        shutil.rmtree(kept, ignore_errors=True)


def _request(args: argparse.Namespace) -> 'Request':
    from flowenedet_ros.evaluation.benchmark_run import Request
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


def _benchmark(args: argparse.Namespace, scratch: Path) -> 'Benchmark':
    from flowenedet_ros.evaluation import standard, suites
    from flowenedet_ros.evaluation.counting import Counting

    counting = Counting('stride' if args.stride else 'labels')
    if args.benchmark == 'ood':
        return standard.ood_benchmark(args.data, counting, args.limit)
    if args.benchmark == 'fishyscapes':
        return suites.fishyscapes_benchmark(args.data, counting, args.limit)
    if args.benchmark == 'segment-me-if-you-can':
        return suites.segment_me_if_you_can_benchmark(args.data, counting, args.limit, scratch)
    return _with_classes(args, counting)


def _with_classes(args: argparse.Namespace, counting: 'Counting') -> 'Benchmark':
    from flowenedet_ros.evaluation import corrupted, road_data, standard, suites
    from flowenedet_ros.inference.bundle import find_bundle, open_bundle

    manifest = open_bundle(find_bundle(args.model))
    classes = tuple(info.name for info in manifest.classes)
    if args.benchmark == 'road-data':
        return road_data.road_data_benchmark(args.data, classes, counting, args.limit)
    common = (classes, args.label_map, counting, args.limit)
    if args.benchmark == 'idm':
        return standard.idm_benchmark(args.data, *common)
    if args.benchmark == 'concurrent':
        return standard.concurrent_benchmark(args.data, args.ood_data, *common)
    if args.benchmark == 'cityscapes':
        return suites.cityscapes_benchmark(args.data, *common, args.held_out, args.split)
    choice = corrupted.parse_choice(args.set, args.corruptions, args.severities)
    return corrupted.cityscapes_c_benchmark(args.data, *common, choice, args.cache)
