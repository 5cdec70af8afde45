"""Figures that others have published, in percent, to stand beside ours.

They come from other segmenters (80 % mIoU and more), so they say where the field is, not which
detector is better; the rows of one evaluation here share one frozen segmenter.
Sources: FlowEneDet (UAI 2023), tables 3 to 5 and headline figures of tables 1 and 2.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedTable:
    """One table.

    :param rows: name, then one value a column; None where nothing was published.
    :param decimals: as published.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | None, ...], ...]
    source: str
    decimals: int = 2


_TABLE_3 = 'FlowEneDet (UAI 2023), table 3, validation sets'
_TABLE_4 = 'FlowEneDet (UAI 2023), table 4, hidden test sets'
_TABLE_5 = 'FlowEneDet (UAI 2023), table 5, hidden test sets'

FISHYSCAPES_VALIDATION = PublishedTable(
    'Fishyscapes validation',
    ('L&F AUROC', 'L&F AP', 'L&F FPR95', 'Static AUROC', 'Static AP', 'Static FPR95'),
    (
        ('MCD, DeepLabV3+', 88.94, 10.85, 37.79, 93.14, 25.59, 27.24),
        ('MSP, DeepLabV3+', 86.99, 6.02, 45.63, 88.94, 14.24, 34.10),
        ('max logit, DeepLabV3+', 92.00, 18.77, 38.13, 92.80, 27.99, 28.50),
        ('energy, DeepLabV3+', 93.50, 25.79, 32.26, 91.28, 31.66, 37.32),
        ('SML, DeepLabV3+', 96.88, 36.55, 14.53, 96.69, 48.67, 16.75),
        ('SynthCP, DeepLabV3+', 88.34, 6.54, 45.95, 89.90, 23.22, 34.02),
        ('SynBoost, DeepLabV3+', 94.89, 40.99, 34.47, 92.03, 48.44, 47.71),
        ('FED-U, DeepLabV3+', 97.65, 37.05, 11.35, 95.96, 46.32, 20.15),
        ('FED-C, DeepLabV3+', 96.34, 28.71, 18.48, 92.89, 25.34, 32.69),
        ('FED-U, SegFormer-B2', 96.72, 39.90, 18.66, 96.84, 55.93, 17.15),
        ('FED-C, SegFormer-B2', 98.28, 42.15, 11.10, 93.31, 47.56, 37.53),
        ('FED-U TTA, SegFormer-B2', 97.83, 41.75, 10.05, 98.30, 66.60, 8.94),
        ('FED-C TTA, SegFormer-B2', 99.11, 56.11, 3.87, 96.88, 52.61, 14.91),
    ),
    _TABLE_3,
)
FISHYSCAPES_TEST = PublishedTable(
    'Fishyscapes test',
    ('L&F AP', 'L&F FPR95', 'Static AP', 'Static FPR95'),
    (
        ('MSP, DeepLabV3+', 1.77, 44.85, 12.88, 39.83),
        ('embedding density, DeepLabV3+', 4.25, 47.15, 62.14, 17.43),
        ('SML, DeepLabV3+', 31.05, 21.52, 53.11, 19.64),
        ('image resynthesis', 5.70, 48.05, 29.60, 27.13),
        ('SynBoost', 43.22, 15.79, 72.59, 18.75),
        ('FED-U TTA, SegFormer-B2', 20.45, 11.38, 67.80, 21.58),
        ('FED-C TTA, SegFormer-B2', 50.15, 5.20, 61.06, 31.97),
        ('NFlowJS (retrained)', 43.66, 8.61, 54.68, 10.00),
        ('DenseHybrid (retrained)', 43.90, 6.18, 72.27, 5.51),
        ('PEBAL (retrained)', 44.17, 7.58, 92.38, 1.73),
        ('GMMSeg (retrained)', 55.63, 6.61, 76.02, 15.96),
    ),
    _TABLE_4,
)
SEGMENT_ME_IF_YOU_CAN = PublishedTable(
    'SegmentMeIfYouCan test',
    ('Obstacle AP', 'Obstacle FPR95', 'L&F-NoKnown AP', 'L&F-NoKnown FPR95'),
    (
        ('MSP', 15.7, 16.6, 30.1, 33.2),
        ('MCD, DeepLabV3+', 4.9, 50.3, 36.8, 35.6),
        ('embedding density, DeepLabV3+', 0.8, 46.4, 61.7, 10.4),
        ('void classifier, DeepLabV3+', 10.4, 41.5, 4.8, 47.0),
        ('image resynthesis', 37.7, 4.7, 57.1, 8.8),
        ('Mahalanobis', 20.9, 13.1, 55.0, 12.9),
        ('SynBoost', 71.3, 3.2, 81.7, 4.6),
        ('FED-C TTA, SegFormer-B2', 73.7, 1.0, 79.8, 2.9),
        ('NFlowJS (retrained)', 85.6, 0.4, 89.3, 0.7),
        ('DenseHybrid (retrained)', 81.7, 0.2, 78.7, 2.1),
    ),
    _TABLE_5,
    decimals=1,
)
CITYSCAPES = PublishedTable(
    'Open-mIoU of the paper',
    ('open-mIoU',),
    (
        ('best row, Cityscapes val', 86.6),
        ('best row, Cityscapes-C val', 74.5),
        ('best row, Cityscapes-C snow', 54.3),
    ),
    'FlowEneDet (UAI 2023), best cells of tables 1 and 2; threshold tuned on the test labels',
    decimals=1,
)

TABLES: Mapping[str, tuple[PublishedTable, ...]] = {
    'ood': (FISHYSCAPES_VALIDATION,),
    'road-data': (FISHYSCAPES_VALIDATION, SEGMENT_ME_IF_YOU_CAN),
    'fishyscapes': (FISHYSCAPES_VALIDATION, FISHYSCAPES_TEST),
    'segment-me-if-you-can': (SEGMENT_ME_IF_YOU_CAN,),
    'cityscapes': (CITYSCAPES,),
    'cityscapes-c': (CITYSCAPES,),
}
"""Tables by benchmark."""

SET_NAMES: Mapping[str, tuple[str, ...]] = {
    'L&F': ('Fishyscapes Lost and Found', 'fs_lostandfound'),
    'Static': ('Fishyscapes Static', 'fs_static'),
    'Obstacle': ('SMIYC ObstacleTrack', 'smiyc_roadobstacle21'),
    'L&F-NoKnown': ('LostAndFound-NoKnown',),
}
"""Our names of the sets that stand at the head of published columns."""
