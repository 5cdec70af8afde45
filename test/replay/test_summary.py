import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from flowenedet_ros.replay.summary import Summary

counts = st.integers(0, 50)


@given(counts, counts, counts, counts, counts)
def test_no_frame_goes_missing_unseen(
    sent: int, lost: int, processed: int, dropped: int, rejected: int
) -> None:
    received = processed + dropped + rejected
    values = {
        'received': str(received),
        'lost': str(lost),
        'processed': str(processed),
        'dropped': str(dropped),
        'rejected': str(rejected),
    }
    summary = Summary.of('x', sent, 1.0, values)
    assert (summary.unaccounted == 0) == (received + lost == sent)
    assert ('UNACCOUNTED' in summary.text()) == (received + lost != sent)


def test_figures_nobody_measured_are_unknown_and_valid_json(tmp_path: Path) -> None:
    summary = Summary.of('x', 2, 0.0, {'received': '0', 'age_p50_ms': 'nan'}, damage='cut')
    assert 'unknown' in summary.text()
    assert 'cut' in summary.text()
    summary.save(tmp_path / 'summary.json')
    saved = json.loads((tmp_path / 'summary.json').read_text(), parse_constant=lambda name: name)
    assert saved['age_p50_ms'] is None
    assert saved['unaccounted'] == 2
