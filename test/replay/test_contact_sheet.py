from pathlib import Path

import cv2
import numpy as np
import pytest
from support.tiny_bundle import write_tiny_bundle

from flowenedet_ros.inference import load_bundle
from flowenedet_ros.replay.bag_reader import BagReader
from flowenedet_ros.replay.contact_sheet import HEADING_HEIGHT, write_contact_sheet
from flowenedet_ros.replay.errors import ReplayError
from flowenedet_ros.replay.offline import OfflineRun
from flowenedet_ros.replay.recorded import RecordedResults


def results(camera_bag: Path, tmp_path: Path, topic: str) -> RecordedResults:
    bundle = write_tiny_bundle(tmp_path / 'tiny')
    with BagReader(camera_bag) as reader, load_bundle(bundle, 'onnxruntime') as model:
        OfflineRun(reader, tmp_path / 'out', model, topic).run()
    return RecordedResults(tmp_path / 'out', topic)


def test_sheet_shows_camera_and_results_of_several_moments(
    camera_bag: Path, tmp_path: Path
) -> None:
    recorded = results(camera_bag, tmp_path, '/cam/image_raw')
    assert write_contact_sheet(recorded, tmp_path / 'sheet.png', rows=4) == 4
    sheet = cv2.imread(str(tmp_path / 'sheet.png'))
    assert sheet is not None
    rows = np.split(sheet[HEADING_HEIGHT:], 4)
    columns = [np.array_split(row, 4, axis=1) for row in rows]
    for column in range(4):
        assert not np.array_equal(columns[0][column], columns[3][column])
        assert columns[0][column].std() > 5


def test_nothing_to_show_is_said(camera_bag: Path, tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match='nothing to show'):
        write_contact_sheet(
            results(camera_bag, tmp_path, '/rear/image_raw/compressed'), tmp_path / 'sheet.png'
        )


def test_a_bag_without_results_is_said(camera_bag: Path) -> None:
    with pytest.raises(ReplayError, match='no results of flowenedet'):
        RecordedResults(camera_bag)
