"""A bag made of a video file or of a folder of pictures."""

from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from flowenedet_ros.data.video import open_video
from flowenedet_ros.replay.bag_reader import COMPRESSED_IMAGE
from flowenedet_ros.replay.bag_writer import BagWriter
from flowenedet_ros.replay.errors import ReplayError
from flowenedet_ros.replay.messages import MessageBuilder, Stamp

TOPIC = '/camera/image_raw/compressed'
FRAME_ID = 'camera_optical_frame'
JPEG_QUALITY = 95


def write_video_bag(video: Path, path: Path) -> None:
    """Put the frames of a video file or picture folder into a new bag, as a JPEG camera would.

    :raises DataError: there is no such video, or nothing in it can be read.
    :raises ReplayError: the bag cannot be written there.
    """
    build = MessageBuilder()
    frames = open_video(video)
    with BagWriter(path) as bag:
        for frame in tqdm(frames, desc='encode', unit='frame', leave=False, disable=None):
            stamp = Stamp.at(frame.stamp_s, FRAME_ID)
            encoded, data = cv2.imencode(
                '.jpg', frame.image_bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
            )
            if not encoded:
                raise ReplayError(f'a frame of {video} cannot be encoded as JPEG')
            message = build.compressed_image(
                np.asarray(data, np.uint8), 'bgr8; jpeg compressed bgr8', stamp
            )
            bag.write(TOPIC, COMPRESSED_IMAGE, stamp.nanoseconds, message)
