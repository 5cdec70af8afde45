"""The default input: a bag of synthetic street scenes, rendered when it is needed."""

from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from flowenedet_ros.data.scenes import render_sequence
from flowenedet_ros.replay.bag_reader import CAMERA_INFO, IMAGE
from flowenedet_ros.replay.bag_writer import BagWriter
from flowenedet_ros.replay.messages import MessageBuilder, Stamp

IMAGE_TOPIC = '/camera/image_raw'
CAMERA_INFO_TOPIC = '/camera/camera_info'
FRAME_ID = 'camera_optical_frame'


@dataclass(frozen=True)
class SceneBagOptions:
    """What is rendered."""

    seed: int = 41
    frames: int = 80
    height: int = 480
    width: int = 640
    fps: float = 10.0


def write_scene_bag(path: Path, options: SceneBagOptions | None = None) -> None:
    """Render a drive through a synthetic street into a new bag, with its camera_info.

    :raises ReplayError: the bag cannot be written there.
    """
    wanted = options or SceneBagOptions()
    build = MessageBuilder()
    size = (wanted.height, wanted.width)
    scenes = render_sequence(wanted.seed, wanted.frames, *size, wanted.fps)
    with BagWriter(path) as bag:
        for scene in tqdm(
            scenes, total=wanted.frames, desc='render', unit='frame', leave=False, disable=None
        ):
            stamp = Stamp.at(scene.stamp_s, FRAME_ID)
            time_ns = stamp.nanoseconds
            info = build.camera_info(size, scene.intrinsics.matrix, stamp)
            bag.write(CAMERA_INFO_TOPIC, CAMERA_INFO, time_ns, info)
            bag.write(IMAGE_TOPIC, IMAGE, time_ns, build.image(scene.image, 'bgr8', stamp))
