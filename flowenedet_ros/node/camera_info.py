"""CameraInfo of the published masks and scores."""

import copy

from sensor_msgs.msg import CameraInfo, RegionOfInterest
from std_msgs.msg import Header

# Row-major places of focal length, skew and centre in the two upper rows of K (3x3) and P (3x4);
# the third of each row is the centre.
K_ROWS = ((0, 1, 2), (3, 4, 5))
P_ROWS = ((0, 1, 2, 3), (4, 5, 6, 7))
CENTRE = 2


def rescaled(info: CameraInfo, size: tuple[int, int], header: Header) -> CameraInfo | None:
    """
    Describe an image that shows the camera's view at another size.

    Binning and region of interest (REP 104) go into the matrices, so that the result describes
    the published image alone.

    :param size: (height, width) of the published image.
    :returns: None where `info` does not say which part of the sensor the image shows.
    """
    region = info.roi
    cropped = region.width > 0 and region.height > 0
    window = (region.width, region.height) if cropped else (info.width, info.height)
    offset = (region.x_offset, region.y_offset) if cropped else (0, 0)
    if min(window) == 0:
        return None
    scale = (size[1] / window[0], size[0] / window[1])
    result = copy.copy(info)
    result.header = header
    result.height, result.width = size
    result.binning_x = result.binning_y = 0
    result.roi = RegionOfInterest()
    result.k = _scaled(info.k, K_ROWS, scale, offset)
    result.p = _scaled(info.p, P_ROWS, scale, offset)
    return result


def _scaled(
    matrix: list[float],
    rows: tuple[tuple[int, ...], ...],
    scale: tuple[float, float],
    offset: tuple[int, int],
) -> list[float]:
    values = [float(value) for value in matrix]
    if values[0] == 0.0:
        return values  # an uncalibrated camera stays one
    for row, factor, start in zip(rows, scale, offset, strict=True):
        # Images are resized with pixel centres at half-integers, so the centre moves by half.
        centre = (values[row[CENTRE]] - start + 0.5) * factor - 0.5
        for place in row:
            values[place] *= factor
        values[row[CENTRE]] = centre
    return values
