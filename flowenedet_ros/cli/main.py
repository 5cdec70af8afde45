"""The `flowenedet` command: find the subcommand, run it, say plainly what went wrong."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from importlib.metadata import version

PACKAGE = 'flowenedet_ros'

# Module and one-line help of each subcommand. A module is imported only when it is called for, so
# that `flowenedet --help` needs neither torch nor rosbags.
SUBCOMMANDS = {
    'train-segmenter': ('train_segmenter', 'train a segmenter on a labelled data set'),
    'train': ('train', 'fit the flow on a frozen segmenter and a labelled data set'),
    'calibrate': ('calibrate', 'fit the score maps and thresholds on held-out data'),
    'evaluate': ('evaluate', 'run a benchmark, print and save the table'),
    'export': ('export', 'write a model bundle: ONNX and everything the node needs'),
    'build-engine': ('build_engine', "compile a bundle for this vehicle's GPU with TensorRT"),
    'benchmark': ('benchmark', 'speed and memory of a bundle on this machine'),
    'bag': ('bag', 'process a recorded bag offline into a bag with the masks'),
    'view': ('view', 'look at a bag with the masks, or make a picture or a video of it'),
    'doctor': ('doctor', 'say what this machine has, what will run, and what is missing'),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and give the exit status: 0 done, 1 by its own rule, 2 wrong input."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        parsed = parse(given)
        return int(parsed.func(parsed) or 0)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone; leave nothing for the interpreter to flush at exit.
        sys.stdout = None
        return 0
    except ModuleNotFoundError as error:
        return _fail(_missing_module(error))
    except OSError as error:
        return _fail(str(error))
    except Exception as error:
        # An error class of this package is written for the person; any other is a defect of ours.
        if not type(error).__module__.startswith(f'{PACKAGE}.'):
            raise
        return _fail(str(error))


def parse(given: Sequence[str]) -> argparse.Namespace:
    """Read a command line; `func` of the result runs it."""
    return _parser(given).parse_args(given)


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='flowenedet', description='Train, check and run FlowEneDet models.'
    )
    parser.add_argument('--version', action='version', version=f'{PACKAGE} {version(PACKAGE)}')
    subparsers = parser.add_subparsers(metavar='SUBCOMMAND', required=True)
    chosen = next((word for word in given if not word.startswith('-')), None)
    for name, (module, summary) in SUBCOMMANDS.items():
        if name == chosen:
            importlib.import_module(f'{PACKAGE}.cli.{module}').add_parser(subparsers)
        else:
            subparsers.add_parser(name, help=summary, add_help=False)
    return parser


def _missing_module(error: ModuleNotFoundError) -> str:
    name = (error.name or '').partition('.')[0]
    if name in ('', PACKAGE):
        raise error
    extra = {
        'h5py': 'submit',
        'ray': 'ray',
        'rerun': 'view',
        'rosbags': 'runtime',
        'onnxruntime': 'runtime',
        'tqdm': 'runtime',
    }
    return (
        f"this needs the Python package {name}: pip install '{PACKAGE}[{extra.get(name, 'train')}]'"
    )


def _fail(message: str) -> int:
    print(f'flowenedet: error: {message}', file=sys.stderr)
    return 2


if __name__ == '__main__':
    sys.exit(main())
