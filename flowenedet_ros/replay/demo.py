"""`make demo`: a camera on real ROS 2 becomes masks, a bag, a picture and a summary."""

import argparse
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from flowenedet_ros.data.errors import DataError
from flowenedet_ros.inference.bundle import find_bundle
from flowenedet_ros.inference.errors import FlowEneDetError
from flowenedet_ros.replay.bag_reader import BagReader
from flowenedet_ros.replay.environment import ros_environment
from flowenedet_ros.replay.errors import ReplayError
from flowenedet_ros.replay.node_log import complaints

PRODUCTS = ('bag', 'input', 'contact_sheet.png', 'summary.json', 'node.log', 'ros_log')


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and give the exit status: 0 done, 1 frames unaccounted for, 2 wrong input."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except (FlowEneDetError, DataError, OSError) as error:
        print(f'demo: error: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _run(options: argparse.Namespace) -> int:
    out: Path = options.out
    for given in (options.bag, options.video):
        if given is not None and out.resolve() in (given.resolve(), *given.resolve().parents):
            raise ReplayError(f'{given} lies in {out}, which each run clears: move it elsewhere')
    _empty(out)
    os.environ.update(ros_environment(log_folder=out.absolute() / 'ros_log'))
    # Only now, as the middleware reads its environment when it is loaded.
    from flowenedet_ros.replay.session import Session

    model = None if options.model is None else str(find_bundle(options.model).absolute())
    source, bag = _input(options, out)
    with BagReader(bag) as reader:
        image = reader.image_topic(options.topic)
    print(f'replaying {image.msgcount} frames of {image.topic} ({image.msgtype})')
    with tqdm(total=image.msgcount, desc='replay', unit='frame', leave=False, disable=None) as bar:
        session = Session(source, bag, out, image.topic, model, options.rate)
        summary = session.run(on_frame=lambda: bar.update())
    summary.save(out / 'summary.json')
    _picture(out, image.topic)
    print(summary.text())
    for complaint in complaints(out / 'node.log'):
        print(f'node         {complaint}')
    print(f'recorded     {out / "bag"}')
    return 1 if summary.unaccounted else 0


def _input(options: argparse.Namespace, out: Path) -> tuple[str, Path]:
    if options.bag is not None:
        return str(options.bag), options.bag
    made = out / 'input'
    if options.video is not None:
        from flowenedet_ros.replay.video_bag import write_video_bag

        write_video_bag(options.video, made)
        return str(options.video), made
    from flowenedet_ros.replay.scene_bag import write_scene_bag

    write_scene_bag(made)
    return 'synthetic street scenes', made


def _picture(out: Path, camera: str) -> None:
    from flowenedet_ros.replay.contact_sheet import write_contact_sheet
    from flowenedet_ros.replay.recorded import RecordedResults

    path = out / 'contact_sheet.png'
    try:
        write_contact_sheet(RecordedResults(out / 'bag', camera), path)
    except ReplayError as error:
        print(f'no picture:  {error}')
    else:
        print(f'picture      {path}')


def _empty(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for product in PRODUCTS:
        path = out / product
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='make demo', description=__doc__)
    parser.add_argument('--out', type=Path, default=Path('out/demo'), help='folder for results')
    given = parser.add_mutually_exclusive_group()
    given.add_argument('--bag', type=Path, help='rosbag2 folder, .mcap or .db3 file to replay')
    given.add_argument('--video', type=Path, help='video file or folder of pictures to replay')
    parser.add_argument('--topic', help='image topic of the bag; default: the one with most frames')
    parser.add_argument('--model', help='bundled model name or bundle folder')
    parser.add_argument('--rate', type=float, default=1.0, help='speed of the replay; default: 1')
    return parser


if __name__ == '__main__':
    # As after Ctrl-C, the node must not stay behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
