"""Class lists with the colours under which their data sets are usually drawn."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

VOID = 255
"""Label of a pixel that no class covers and that nothing is trained or scored on."""

OUTLIER = 254
"""Label of a pixel of an object that no class covers, on purpose: pasted or rendered."""

KNOWN = 253
"""Label of a pixel of a pasted thing that some class covers: no outlier, and not scored as right
or wrong."""


@dataclass(frozen=True)
class ClassInfo:
    """One class of a segmenter; its id is its place in the list.

    :param name: lower case, as the data set calls it.
    :param color: (red, green, blue), each 0 to 255.
    """

    name: str
    color: tuple[int, int, int]


CAMVID_CLASSES = (
    ClassInfo('sky', (128, 128, 128)),
    ClassInfo('building', (128, 0, 0)),
    ClassInfo('pole', (192, 192, 128)),
    ClassInfo('road', (128, 64, 128)),
    ClassInfo('pavement', (0, 0, 192)),
    ClassInfo('tree', (128, 128, 0)),
    ClassInfo('sign', (192, 128, 128)),
    ClassInfo('fence', (64, 64, 128)),
    ClassInfo('car', (64, 0, 128)),
    ClassInfo('pedestrian', (64, 64, 0)),
    ClassInfo('bicyclist', (0, 128, 192)),
)
"""The 11 classes of CamVid as the segmentation literature uses them; 11 in a file is void."""

CITYSCAPES_CLASSES = (
    ClassInfo('road', (128, 64, 128)),
    ClassInfo('sidewalk', (244, 35, 232)),
    ClassInfo('building', (70, 70, 70)),
    ClassInfo('wall', (102, 102, 156)),
    ClassInfo('fence', (190, 153, 153)),
    ClassInfo('pole', (153, 153, 153)),
    ClassInfo('traffic light', (250, 170, 30)),
    ClassInfo('traffic sign', (220, 220, 0)),
    ClassInfo('vegetation', (107, 142, 35)),
    ClassInfo('terrain', (152, 251, 152)),
    ClassInfo('sky', (70, 130, 180)),
    ClassInfo('person', (220, 20, 60)),
    ClassInfo('rider', (255, 0, 0)),
    ClassInfo('car', (0, 0, 142)),
    ClassInfo('truck', (0, 0, 70)),
    ClassInfo('bus', (0, 60, 100)),
    ClassInfo('train', (0, 80, 100)),
    ClassInfo('motorcycle', (0, 0, 230)),
    ClassInfo('bicycle', (119, 11, 32)),
)
"""The 19 evaluation classes of Cityscapes in trainId order."""

CLASS_LISTS: Mapping[str, tuple[ClassInfo, ...]] = MappingProxyType(
    {'camvid': CAMVID_CLASSES, 'cityscapes': CITYSCAPES_CLASSES}
)
"""Class lists by the name that commands take."""


def class_ids(classes: tuple[ClassInfo, ...]) -> dict[str, int]:
    """Return the id of each class by name."""
    return {info.name: index for index, info in enumerate(classes)}
