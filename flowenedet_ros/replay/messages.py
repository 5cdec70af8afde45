"""Building serialized ROS messages with rosbags' types; no ROS is needed."""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.store import Typestore

from flowenedet_ros.replay.bag_reader import CAMERA_INFO, COMPRESSED_IMAGE, IMAGE, STRING

# A std_msgs/Header begins with its stamp, after the four bytes of the CDR encapsulation.
STAMP_OFFSET = 4


@dataclass(frozen=True)
class Stamp:
    """Whose moment a message describes."""

    sec: int
    nanosec: int
    frame_id: str

    @classmethod
    def at(cls, seconds: float, frame_id: str) -> 'Stamp':
        """Give the stamp of a moment in seconds, rounded to the nanosecond."""
        sec, nanosec = divmod(round(seconds * 1e9), 10**9)
        return cls(sec, nanosec, frame_id)

    @classmethod
    def of(cls, message: Any) -> 'Stamp':
        """Give the stamp of a decoded message with a header."""
        header = message.header
        return cls(header.stamp.sec, header.stamp.nanosec, header.frame_id)

    @property
    def nanoseconds(self) -> int:
        """The moment in nanoseconds."""
        return self.sec * 10**9 + self.nanosec


def header_stamp_ns(cdr: bytes) -> int:
    """Read the stamp of a serialized message that begins with a header, without decoding it."""
    little_endian = cdr[1] & 1
    sec, nanosec = struct.unpack_from('<iI' if little_endian else '>iI', cdr, STAMP_OFFSET)
    return int(sec) * 10**9 + int(nanosec)


def with_header_stamp(cdr: bytes, stamp_ns: int) -> bytes:
    """Give the same serialized message with another stamp."""
    little_endian = cdr[1] & 1
    stamp = struct.pack('<iI' if little_endian else '>iI', *divmod(stamp_ns, 10**9))
    return cdr[:STAMP_OFFSET] + stamp + cdr[STAMP_OFFSET + len(stamp) :]


class MessageBuilder:
    """Make the few messages that bags of ours hold, as CDR bytes."""

    def __init__(self) -> None:
        self.typestore: Typestore = get_typestore(Stores.ROS2_JAZZY)
        self._types = self.typestore.types

    def image(self, pixels: NDArray[Any], encoding: str, stamp: Stamp) -> bytes:
        """Wrap an (H, W) or (H, W, C) array as sensor_msgs/Image without row padding."""
        pixels = np.ascontiguousarray(pixels)
        message = self._types[IMAGE](
            header=self.header(stamp),
            height=pixels.shape[0],
            width=pixels.shape[1],
            encoding=encoding,
            is_bigendian=0,
            step=pixels.nbytes // pixels.shape[0],
            data=pixels.reshape(-1).view(np.uint8),
        )
        return self._serialize(message, IMAGE)

    def compressed_image(self, data: NDArray[np.uint8], form: str, stamp: Stamp) -> bytes:
        """Wrap encoded picture bytes as sensor_msgs/CompressedImage."""
        message = self._types[COMPRESSED_IMAGE](
            header=self.header(stamp), format=form, data=data.reshape(-1)
        )
        return self._serialize(message, COMPRESSED_IMAGE)

    def camera_info(self, size: tuple[int, int], matrix: NDArray[Any], stamp: Stamp) -> bytes:
        """Describe an undistorted pinhole camera.

        :param size: (height, width) in pixels.
        :param matrix: 3 x 3 intrinsic matrix.
        """
        projection = np.hstack([matrix, np.zeros((3, 1))])
        message = self._types[CAMERA_INFO](
            header=self.header(stamp),
            height=size[0],
            width=size[1],
            distortion_model='plumb_bob',
            d=np.zeros(5),
            k=np.asarray(matrix, np.float64).reshape(-1),
            r=np.eye(3).reshape(-1),
            p=projection.astype(np.float64).reshape(-1),
            binning_x=0,
            binning_y=0,
            roi=self._types['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False),
        )
        return self._serialize(message, CAMERA_INFO)

    def serialize(self, message: Any) -> bytes:
        """Serialize a rosbags message."""
        return self._serialize(message, message.__msgtype__)

    def string(self, text: str) -> bytes:
        """Wrap a text as std_msgs/String."""
        return self._serialize(self._types[STRING](data=text), STRING)

    def header(self, stamp: Stamp) -> Any:
        """Make a std_msgs/Header."""
        time = self._types['builtin_interfaces/msg/Time'](stamp.sec, stamp.nanosec)
        return self._types['std_msgs/msg/Header'](stamp=time, frame_id=stamp.frame_id)

    def _serialize(self, message: Any, msgtype: str) -> bytes:
        return bytes(self.typestore.serialize_cdr(message, msgtype))
