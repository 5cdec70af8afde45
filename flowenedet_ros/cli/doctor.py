"""`flowenedet doctor`: what this machine has, what will run, and what is missing."""

import argparse
from typing import Any

from flowenedet_ros.cli.build_engine import engine_progress
from flowenedet_ros.cli.runtime_arguments import add_choice
from flowenedet_ros.inference.backends.base import PRECISIONS, RuntimeOptions
from flowenedet_ros.inference.doctor import Finding, State, examine
from flowenedet_ros.inference.probe import BACKENDS

_WIDTH = 21


def add_parser(subparsers: Any) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        'doctor',
        help='say what this machine has, what will run, and what is missing',
        description='Look at everything the node needs and load, test and time a model. The exit '
        'status is 1 when the node could not start.',
    )
    parser.add_argument('--model', help='bundled name or folder (default: a bundled model)')
    add_choice(parser, BACKENDS, PRECISIONS)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print each finding as it is made; give 1 when the node could not start."""
    broken: list[Finding] = []
    with engine_progress() as progress:
        options = RuntimeOptions(progress=progress)
        for finding in examine(args.model, args.backend, args.precision, options):
            _print(finding)
            if finding.state is State.BROKEN:
                broken.append(finding)
    print()
    if broken:
        print('The node cannot start: ' + ', '.join(finding.topic for finding in broken))
        return 1
    print('The node can start.')
    return 0


def _print(finding: Finding) -> None:
    print(f'{finding.state.value:7} {finding.topic:{_WIDTH}} {finding.detail}', flush=True)
    if finding.fix and finding.state is not State.OK:
        print(f'{"":{_WIDTH + 8}} -> {finding.fix}')
