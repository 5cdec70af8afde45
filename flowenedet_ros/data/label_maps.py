"""Look-up tables between label conventions; what a table does not name becomes void."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from .classes import CAMVID_CLASSES, CITYSCAPES_CLASSES, OUTLIER, VOID, class_ids
from .errors import DataError

Lut = NDArray[np.uint8]

# CamVid has no wall, light, rider ... of its own: its annotators drew them as these classes.
_CITYSCAPES_AS_CAMVID = {
    'road': 'road',
    'sidewalk': 'pavement',
    'building': 'building',
    'wall': 'building',
    'fence': 'fence',
    'pole': 'pole',
    'traffic light': 'sign',
    'traffic sign': 'sign',
    'vegetation': 'tree',
    'terrain': 'tree',
    'sky': 'sky',
    'person': 'pedestrian',
    'rider': 'bicyclist',
    'car': 'car',
    'truck': 'car',
    'bus': 'car',
    'train': 'car',
    'motorcycle': 'bicyclist',
    'bicycle': 'bicyclist',
}
_CAMVID_AS_CITYSCAPES = {
    'sky': 'sky',
    'building': 'building',
    'pole': 'pole',
    'road': 'road',
    'pavement': 'sidewalk',
    'tree': 'vegetation',
    'sign': 'traffic sign',
    'fence': 'fence',
    'car': 'car',
    'pedestrian': 'person',
    'bicyclist': 'rider',
}
# labelIds of the Cityscapes ground truth, in the order of the trainIds.
_CITYSCAPES_LABEL_IDS = (
    *(7, 8, 11, 12, 13, 17, 19, 20, 21, 22),
    *(23, 24, 25, 26, 27, 28, 31, 32, 33),
)


def _lut(pairs: Mapping[int, int]) -> Lut:
    table = np.full(256, VOID, np.uint8)
    # An outlier stays an outlier in every convention.
    table[OUTLIER] = OUTLIER
    for source, target in pairs.items():
        table[source] = target
    table.setflags(write=False)
    return table


def _by_name(names: Mapping[str, str], source: Mapping[str, int], target: Mapping[str, int]) -> Lut:
    return _lut({source[old]: target[new] for old, new in names.items()})


_CAMVID = class_ids(CAMVID_CLASSES)
_CITYSCAPES = class_ids(CITYSCAPES_CLASSES)
_TO_CAMVID = _by_name(_CITYSCAPES_AS_CAMVID, _CITYSCAPES, _CAMVID)
_LABEL_IDS = _lut({label: train for train, label in enumerate(_CITYSCAPES_LABEL_IDS)})

LABEL_MAPS: Mapping[str, Lut] = MappingProxyType(
    {
        'camvid': _lut({index: index for index in _CAMVID.values()}),
        'cityscapes': _lut({index: index for index in _CITYSCAPES.values()}),
        'camvid_to_cityscapes': _by_name(_CAMVID_AS_CITYSCAPES, _CAMVID, _CITYSCAPES),
        'cityscapes_to_camvid': _TO_CAMVID,
        'cityscapes_ids_to_train_ids': _LABEL_IDS,
        'cityscapes_ids_to_camvid': _TO_CAMVID[_LABEL_IDS],
    }
)
"""Tables of 256 ids by name; `camvid` and `cityscapes` only turn everything else into void."""


def label_map(name: str) -> Lut:
    """Return the look-up table of that name.

    :raises DataError: where no table has that name.
    """
    try:
        return LABEL_MAPS[name]
    except KeyError:
        known = ', '.join(sorted(LABEL_MAPS))
        raise DataError(f'no label map is called {name!r}; there are: {known}') from None


def prediction_map(name: str) -> Lut:
    """Return the table that merges predictions to what labels read through `name` can say.

    A Cityscapes segmenter may answer `wall` where CamVid's labels only have `building`: that is
    no error. Comparing `prediction_map(name)[predicted]` with the labels does it justice.

    :raises DataError: where no table has that name.
    """
    if name == 'camvid_to_cityscapes':
        return label_map(name)[label_map('cityscapes_to_camvid')]
    label_map(name)
    return np.arange(256, dtype=np.uint8)
