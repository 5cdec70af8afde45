"""`flowenedet benchmark`: speed and memory of a bundle on this machine."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowenedet_ros.evaluation.speed import Request
    from flowenedet_ros.replay.benchmark.request import NodeRequest


def add_parser(subparsers: 'argparse._SubParsersAction[argparse.ArgumentParser]') -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        'benchmark',
        help='speed and memory of a bundle on this machine',
        description='Measure every backend and precision that runs here, each in its own process '
        'and all in turn, the whole graph beside the frozen segmenter alone.',
    )
    parser.add_argument('--model', action='append', default=[], metavar='BUNDLE')
    parser.add_argument(
        '--untrained',
        action='append',
        default=[],
        metavar='ARCHITECTURE:HxW',
        help='a network of random weights, such as segformer_b0:512x1024: speed only',
    )
    parser.add_argument(
        '--backends',
        default='all',
        help='names with commas between, pytorch-eager among them, or all',
    )
    parser.add_argument('--precisions', default='all', help='names with commas between, or all')
    parser.add_argument(
        '--sizes', default='', metavar='HxW,...', help="camera images; default: the network's size"
    )
    parser.add_argument('--batches', default='1', help='images in a call, such as 1,2,4,8')
    parser.add_argument('--rounds', type=int, default=15, help='calls of each configuration')
    parser.add_argument('--threads', type=int, default=0, help='of the CPU backends; 0: theirs')
    parser.add_argument(
        '--segmenter',
        metavar='NAME_OR_PATH',
        help="the one model's weights for eager PyTorch; else random",
    )
    parser.add_argument('--checkpoint', metavar='PTH', help='weights of a named architecture')
    parser.add_argument('--data', metavar='DIR[:LABEL_MAP]', help='labelled road images: quality')
    parser.add_argument('--ood-data', metavar='DIR', help='images with outliers: quality')
    parser.add_argument('--images', type=int, default=20, help='of each folder, for quality')
    parser.add_argument(
        '--node',
        action='store_true',
        help='measure the ROS node too: the first model, in the one backend and precision named, '
        'else the best; a camera of the first size, else of 720x1280',
    )
    parser.add_argument('--json', type=Path, metavar='FILE', help='write all figures there')
    parser.add_argument('--plot', type=Path, metavar='SVG', help='draw the times there')
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Measure, print the table, write the files; 1 when a configuration failed."""
    import json

    from tqdm import tqdm

    from flowenedet_ros.evaluation.speed import run_benchmark
    from flowenedet_ros.inference.benchmark.chart import svg_chart
    from flowenedet_ros.inference.benchmark.floors import distances
    from flowenedet_ros.inference.benchmark.table import text_table

    request, node = _request(args), node_request(args) if args.node else None
    with tqdm(bar_format='{desc} [{elapsed}]') as bar:
        result = run_benchmark(request, bar.set_description_str)
        if node is not None:
            from flowenedet_ros.replay.benchmark.measure import measure_node

            bar.set_description_str('node')
            result['node'] = measure_node(node)
    result['distances'] = distances(result['rows'], result['floors'])
    print(text_table(result))
    if node is not None:
        from flowenedet_ros.replay.benchmark.node_text import node_text

        print(node_text(result['node']))
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(result, indent=1))
    if args.plot:
        args.plot.parent.mkdir(parents=True, exist_ok=True)
        args.plot.write_text(svg_chart(result), encoding='utf-8')
    return int(any('error' in row for row in [*result['rows'], result.get('node', {})]))


def node_request(args: argparse.Namespace) -> 'NodeRequest':
    """Give what `--node` is to measure; it knows no eager PyTorch.

    :raises CommandError: no bundle is named.
    :raises ReplayError: the node is not built.
    """
    from flowenedet_ros.cli.errors import CommandError
    from flowenedet_ros.cli.runtime_arguments import camera_sizes
    from flowenedet_ros.evaluation.speed import EAGER
    from flowenedet_ros.replay.benchmark.request import NodeRequest
    from flowenedet_ros.replay.environment import node_executable

    if not args.model:
        raise CommandError('--node needs a bundle: give it with --model')
    node_executable()  # where it is missing, say so before the long part
    sizes = camera_sizes(args.sizes)
    height, width = sizes[0] if sizes else (720, 1280)
    return NodeRequest(
        model=args.model[0],
        backend=_only(set(args.backends.split(',')) - {EAGER}),
        precision=_only(set(args.precisions.split(','))),
        threads=args.threads,
        height=height,
        width=width,
    )


def _only(names: set[str]) -> str:
    """Give the one name; for all or several the node is to choose."""
    return 'auto' if len(names) != 1 or names == {'all'} else names.pop()


def _request(args: argparse.Namespace) -> 'Request':
    from flowenedet_ros.cli.errors import CommandError
    from flowenedet_ros.cli.runtime_arguments import camera_sizes, numbers
    from flowenedet_ros.evaluation.speed import Request

    if not args.model and not args.untrained:
        raise CommandError('give a bundle with --model, or an architecture with --untrained')
    if args.segmenter and len(args.model) != 1:
        raise CommandError('--segmenter belongs to one --model')
    if args.checkpoint and not args.segmenter:
        raise CommandError('--checkpoint holds the weights of a --segmenter: name it')
    return Request(
        models=args.model,
        untrained=[_architecture(text) for text in args.untrained],
        backends=args.backends.split(','),
        precisions=args.precisions.split(','),
        images=camera_sizes(args.sizes),
        batches=numbers(args.batches, '--batches'),
        rounds=args.rounds,
        threads=args.threads,
        segmenter=args.segmenter,
        checkpoint=args.checkpoint,
        data=args.data,
        ood_data=args.ood_data,
        quality_images=args.images,
    )


def _architecture(text: str) -> tuple[str, tuple[int, int]]:
    from flowenedet_ros.cli.arguments import image_size

    name, _, size = text.partition(':')
    return name, image_size(size or '512x1024')
