import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from support.tiny_bundle import write_tiny_bundle

from flowenedet_ros.inference import Model, load_bundle
from flowenedet_ros.replay.bag_reader import IMAGE, BagReader
from flowenedet_ros.replay.bag_writer import BagWriter
from flowenedet_ros.replay.errors import ReplayError
from flowenedet_ros.replay.messages import MessageBuilder, Stamp
from flowenedet_ros.replay.offline import OfflineRun
from flowenedet_ros.replay.recorded import RecordedResults


@pytest.fixture(scope='module')
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp('model') / 'tiny')


@pytest.fixture(scope='module')
def model(bundle: Path) -> Iterator[Model]:
    with load_bundle(bundle, 'onnxruntime') as loaded:
        yield loaded


def content(path: Path) -> dict[str, list[tuple[int, bytes]]]:
    found: dict[str, list[tuple[int, bytes]]] = {}
    with BagReader(path) as bag:
        for message in bag.messages():
            found.setdefault(message.topic, []).append((message.time_ns, message.cdr))
    return found


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def process(source: Path, out: Path, model: Model, **options: int) -> OfflineRun:
    with BagReader(source) as reader:
        run = OfflineRun(reader, out, model, **options)
        run.run()
    return run


def test_every_frame_gets_results_and_all_else_is_kept(
    camera_bag: Path, tmp_path: Path, model: Model
) -> None:
    before = files(camera_bag)
    run = process(camera_bag, tmp_path / 'out', model)
    assert (run.counts.processed, run.counts.rejected) == (12, 0)
    source, result = content(camera_bag), content(tmp_path / 'out')
    for topic, messages in source.items():
        assert result[topic] == messages
    times = [time for time, _ in source['/cam/image_raw']]
    for output in ('segmentation', 'idm_mask', 'ood_score', 'planner_mask', 'camera_info'):
        assert [time for time, _ in result[f'/flowenedet/output/{output}']] == times
    assert len(result['/flowenedet/label_map']) == 1
    assert files(camera_bag) == before


def test_results_are_those_of_the_model_with_the_frame_s_stamp(
    camera_bag: Path, tmp_path: Path, model: Model
) -> None:
    process(camera_bag, tmp_path / 'out', model)
    results = RecordedResults(tmp_path / 'out', '/cam/image_raw')
    assert len(results.stamps) == 12
    assert [info.name for info in results.classes] == [c.name for c in model.manifest.classes]
    for frame in results.frames(results.stamps[:3]):
        expected = model.run(frame.image)
        assert np.array_equal(frame.perception.labels, expected.labels)
        assert np.array_equal(frame.perception.ood_mask, expected.ood_mask)
        assert np.allclose(frame.perception.idm_score, expected.idm_score)


def test_camera_info_fits_the_masks(camera_bag: Path, tmp_path: Path, model: Model) -> None:
    process(camera_bag, tmp_path / 'out', model)
    with BagReader(tmp_path / 'out') as bag:
        decoded = {m.topic: bag.decode(m) for m in bag.messages()}
    mask = decoded['/flowenedet/output/segmentation']
    info = decoded['/flowenedet/output/camera_info']
    assert (info.height, info.width) == (mask.height, mask.width)
    assert info.header == mask.header
    assert info.k[0] == pytest.approx(50.0 * mask.width / 64)
    assert info.k[2] == pytest.approx(0.5 * mask.width / 64 - 0.5)
    label_map = json.loads(decoded['/flowenedet/label_map'].data)
    assert label_map['model'] == model.manifest.name


def test_an_interrupted_run_goes_on_and_gives_the_same(
    camera_bag: Path, tmp_path: Path, model: Model
) -> None:
    class PowerCut(BaseException):
        pass

    def cut_after(messages: int) -> Callable[[], None]:
        countdown = iter(range(messages))

        def cut() -> None:
            if next(countdown, None) is None:
                raise PowerCut

        return cut

    out = tmp_path / 'out'
    for messages in (3, 8, 20):
        with BagReader(camera_bag) as reader, pytest.raises(PowerCut):
            OfflineRun(reader, out, model, file_bytes=100_000).run(cut_after(messages))
        if (out / 'metadata.yaml').exists():
            content(out)
    run = process(camera_bag, out, model, file_bytes=100_000)
    assert run.counts.processed == 12
    assert run.counts.resumed_at > 0
    process(camera_bag, tmp_path / 'at_once', model)
    assert content(out) == content(tmp_path / 'at_once')


def test_a_complete_bag_is_left_as_it_is(camera_bag: Path, tmp_path: Path, model: Model) -> None:
    out = tmp_path / 'out'
    process(camera_bag, out, model)
    before = files(out)
    assert process(camera_bag, out, model).counts.processed == 12
    assert files(out) == before


def test_what_is_not_ours_is_not_overwritten(
    camera_bag: Path, tmp_path: Path, model: Model
) -> None:
    other = tmp_path / 'other'
    shutil.copytree(camera_bag, other)
    folder = tmp_path / 'folder'
    folder.mkdir()
    (folder / 'letter.txt').write_text('dear')
    for taken in (other, folder, camera_bag, camera_bag / 'inside', tmp_path):
        with pytest.raises(ReplayError):
            process(camera_bag, taken, model)
    assert files(other) == files(camera_bag)
    assert files(folder) == {'letter.txt': b'dear'}


def test_another_model_does_not_continue_the_bag(
    camera_bag: Path, tmp_path: Path, model: Model
) -> None:
    process(camera_bag, tmp_path / 'out', model)
    bundle = write_tiny_bundle(tmp_path / 'second', name='second')
    with load_bundle(bundle, 'onnxruntime') as second, pytest.raises(ReplayError, match='model'):
        process(camera_bag, tmp_path / 'out', second)


def test_earlier_results_are_replaced(camera_bag: Path, tmp_path: Path, model: Model) -> None:
    process(camera_bag, tmp_path / 'once', model)
    process(tmp_path / 'once', tmp_path / 'twice', model)
    assert content(tmp_path / 'once') == content(tmp_path / 'twice')


def test_malformed_frames_are_counted_and_cost_no_other(tmp_path: Path, model: Model) -> None:
    build = MessageBuilder()
    good = build.image(np.zeros((20, 30, 3), np.uint8), 'bgr8', Stamp.at(1.0, 'c'))
    odd = build.image(np.zeros((20, 30, 3), np.uint8), 'nonsense', Stamp.at(1.0, 'c'))
    with BagWriter(tmp_path / 'in') as bag:
        for time_ns, cdr in enumerate((good, good[:60], odd, b'', good)):
            bag.write('/image', IMAGE, time_ns, cdr)
    run = process(tmp_path / 'in', tmp_path / 'out', model)
    assert (run.counts.processed, run.counts.rejected) == (2, 3)
    assert run.counts.rejection is not None
    assert len(content(tmp_path / 'out')['/image']) == 5


def test_a_full_disk_is_said_and_the_run_goes_on_later(
    camera_bag: Path, tmp_path: Path, bundle: Path, model: Model
) -> None:
    out = tmp_path / 'out'
    script = (
        'import resource, signal, sys; from pathlib import Path\n'
        'from flowenedet_ros.inference import load_bundle\n'
        'from flowenedet_ros.replay.bag_reader import BagReader\n'
        'from flowenedet_ros.replay.offline import OfflineRun\n'
        'source, out, bundle = map(Path, sys.argv[1:4])\n'
        'seen = []\n'
        'def fill_disk():\n'
        '    seen.append(1)\n'
        '    if len(seen) == 18:\n'
        '        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n'
        'signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n'
        'with BagReader(source) as reader, load_bundle(bundle, "onnxruntime") as model:\n'
        '    OfflineRun(reader, out, model, file_bytes=100_000).run(fill_disk)\n'
    )
    # The kernel refuses to let a file grow beyond the limit, as a full disk does.
    command = [sys.executable, '-c', script, str(camera_bag), str(out), str(bundle)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert 'ReplayError' in result.stderr
    assert 'make room and run the same command' in result.stderr
    assert not (out / '.part').exists()
    assert 0 < len(content(out)['/cam/image_raw']) < 12
    assert process(camera_bag, out, model).counts.processed == 12
    process(camera_bag, tmp_path / 'at_once', model)
    assert content(out) == content(tmp_path / 'at_once')


def test_bags_that_others_recorded(real_data: Path, tmp_path: Path, model: Model) -> None:
    malformed = real_data / 'bags' / 'test_bag_sqlite3'
    run = process(malformed, tmp_path / 'malformed', model)
    assert (run.counts.processed, run.counts.rejected) == (0, 2)
    assert '30 bytes' in str(run.counts.rejection)
    kept = Counter(map(len, content(malformed).values()))
    assert sum(kept.elements()) == 188
    result = content(tmp_path / 'malformed')
    assert {k: v for k, v in result.items() if 'flowenedet' not in k} == content(malformed)
    tiny = real_data / 'bags' / 'ros2bag_tools_images'
    assert process(tiny, tmp_path / 'tiny', model).counts.processed == 3
