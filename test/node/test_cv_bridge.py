"""An installed cv_bridge is used where it converts rightly, and left alone where it does not."""

import subprocess
import sys

BROKEN = {
    # As the one on PyPI with OpenCV 5: some encodings fail, 16-bit images come out wrong.
    'wrong': """
import numpy as np
class CvBridge:
    def imgmsg_to_cv2(self, message, desired_encoding):
        if message.encoding == 'bgr8':
            raise TypeError('buffer is too small for requested array')
        return np.zeros((message.height, message.width, 3), np.uint8)
""",
    'without boost': "raise ImportError('numpy.core.multiarray failed to import')",
}
GOOD = """
import numpy as np
class CvBridge:
    def imgmsg_to_cv2(self, message, desired_encoding):
        if message.encoding not in ('bgr8', 'rgb8'):
            raise ValueError('Unrecognized image encoding')
        rows = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
        pixels = rows[:, : 3 * message.width].reshape(message.height, message.width, 3)
        return pixels if message.encoding == 'bgr8' else pixels[..., ::-1]
"""
ASK = (
    'from flowenedet_ros.node.cv_bridge_adapter import trusted_encodings;'
    'print(sorted(trusted_encodings()))'
)


def trusted(tmp_path, source):
    (tmp_path / 'cv_bridge.py').write_text(source)
    done = subprocess.run(
        [sys.executable, '-c', f'import sys; sys.path.insert(0, {str(tmp_path)!r}); {ASK}'],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_broken_cv_bridge_is_not_trusted(tmp_path):
    for source in BROKEN.values():
        assert trusted(tmp_path, source) == '[]'


def test_a_right_cv_bridge_is_used_for_what_it_knows(tmp_path):
    assert trusted(tmp_path, GOOD) == "['bgr8', 'rgb8']"
