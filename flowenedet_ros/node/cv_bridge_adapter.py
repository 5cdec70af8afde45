"""The robot's own cv_bridge, used for the encodings in which it proves itself."""

import array
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image

from flowenedet_ros.node.pixel_formats import PACKED, packed_to_bgr

# A probe image with padded rows; even sizes so that every encoding can hold it.
PROBE_HEIGHT, PROBE_WIDTH, PROBE_PADDING = 4, 6, 8


@cache
def trusted_encodings() -> frozenset[str]:
    """
    Name the encodings that an installed cv_bridge converts to BGR exactly as we do.

    Builds of cv_bridge differ: older ones ignore row padding, and one that is to be had from PyPI
    reads 16-bit images wrongly without an error. So each encoding is tried on a small image first.
    """
    bridge = _bridge()
    if bridge is None:
        return frozenset()
    return frozenset(encoding for encoding in PACKED if _agrees(bridge, encoding))


def to_bgr(message: Image) -> NDArray[np.uint8]:
    """Convert with the robot's cv_bridge; only for `trusted_encodings()`."""
    converted = _bridge().imgmsg_to_cv2(message, desired_encoding='bgr8')
    return np.ascontiguousarray(converted, np.uint8)


@cache
def _bridge() -> Any:
    try:
        from cv_bridge import CvBridge
    # An installed but broken cv_bridge fails in ways of its own (numpy ABI, missing boost).
    except Exception:
        return None
    return CvBridge()


def _agrees(bridge: Any, encoding: str) -> bool:
    probe = _probe(encoding)
    try:
        theirs = bridge.imgmsg_to_cv2(probe, desired_encoding='bgr8')
    except Exception:
        return False
    ours = packed_to_bgr(
        memoryview(probe.data), PROBE_HEIGHT, PROBE_WIDTH, probe.step, encoding, False
    )
    return bool(np.array_equal(theirs, ours))


def _probe(encoding: str) -> Image:
    step = PROBE_WIDTH * PACKED[encoding].pixel_bytes + PROBE_PADDING
    content = np.random.default_rng(0).integers(0, 256, step * PROBE_HEIGHT, np.uint8)
    return Image(
        height=PROBE_HEIGHT,
        width=PROBE_WIDTH,
        encoding=encoding,
        step=step,
        data=array.array('B', content.tobytes()),
    )
