"""Engines on disk: built once, found again, replaced when they do not fit."""

import multiprocessing
import os
from dataclasses import replace
from pathlib import Path

import pytest

from flowenedet_ros.inference import BackendError
from flowenedet_ros.inference.engine_cache import EngineCache, EngineKey, default_folder

KEY = EngineKey('0' * 64, 'tensorrt 10.3.0', 'Some GPU sm_87', 'fp16', '720x1280', 'none')


class Builder:
    """Counts how often it is asked, and gives a new engine each time."""

    def __init__(self) -> None:
        self.builds = 0

    def __call__(self) -> bytes:
        self.builds += 1
        return b'engine %d\n' % self.builds * 1000


def load(content: bytes) -> bytes:
    return content


def test_second_call_loads_what_the_first_built(tmp_path: Path) -> None:
    build = Builder()
    first = EngineCache(tmp_path).get(KEY, build, load)
    assert EngineCache(tmp_path).get(KEY, build, load) == first
    assert build.builds == 1


@pytest.mark.parametrize('field', list(KEY.__dataclass_fields__))
def test_each_part_of_the_key_counts(tmp_path: Path, field: str) -> None:
    build = Builder()
    EngineCache(tmp_path).get(KEY, build, load)
    EngineCache(tmp_path).get(replace(KEY, **{field: 'another'}), build, load)
    assert build.builds == 2


@pytest.mark.parametrize('damage', ['cut', 'flip', 'empty', 'foreign', 'moved'])
def test_bad_engines_are_built_again(tmp_path: Path, damage: str) -> None:
    build = Builder()
    cache = EngineCache(tmp_path)
    cache.get(KEY, build, load)
    path = cache.path(KEY)
    content = path.read_bytes()
    other = replace(KEY, gpu='Other GPU')
    cache.get(other, build, load)
    path.write_bytes(
        {
            'cut': content[:-10],
            'flip': content[:-1] + b'x',
            'empty': b'',
            'foreign': b'ptrt' + content,
            'moved': cache.path(other).read_bytes(),
        }[damage]
    )
    with pytest.raises(BackendError, match=r'engine .*\.engine .*: delete it'):
        EngineCache(tmp_path, on_bad='error').get(KEY, build, load)
    assert cache.get(KEY, build, load).startswith(b'engine 3')
    assert cache.get(KEY, build, load).startswith(b'engine 3')
    assert build.builds == 3


def test_engine_that_the_runtime_refuses_is_built_again(tmp_path: Path) -> None:
    build = Builder()
    cache = EngineCache(tmp_path)
    cache.get(KEY, build, load)

    def refuse_first(content: bytes) -> bytes:
        if b'engine 1' in content:
            raise BackendError('built by another version')
        return content

    assert cache.get(KEY, build, refuse_first).startswith(b'engine 2')
    with pytest.raises(BackendError, match='was refused: built by another version: delete it'):
        EngineCache(tmp_path, on_bad='error').get(KEY, build, refuse)


def test_engine_that_never_loads_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match='just built cannot be used: built by another version'):
        EngineCache(tmp_path).get(KEY, Builder(), refuse)


def refuse(content: bytes) -> bytes:
    raise BackendError('built by another version')


def test_failed_build_leaves_nothing_and_the_next_one_works(tmp_path: Path) -> None:
    def fail() -> bytes:
        raise BackendError('out of memory')

    cache = EngineCache(tmp_path)
    with pytest.raises(BackendError, match='out of memory'):
        cache.get(KEY, fail, load)
    assert not list(tmp_path.glob('*.engine'))
    assert cache.get(KEY, Builder(), load).startswith(b'engine 1')


def test_least_recently_used_engines_go(tmp_path: Path) -> None:
    cache = EngineCache(tmp_path, keep=2)
    keys = [replace(KEY, gpu=f'GPU {i}') for i in range(3)]
    build = Builder()
    for i, key in enumerate(keys[:2]):
        cache.get(key, build, load)
        os.utime(cache.path(key), (i, i))
    cache.get(keys[0], build, load)
    (tmp_path / 'left_over.part').write_bytes(b'half')
    cache.get(keys[2], build, load)
    assert [cache.path(key).exists() for key in keys] == [True, False, True]
    assert not list(tmp_path.glob('*.part'))


def test_folder_that_cannot_be_written_still_gives_engines(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # A file in the folder's place: even root, who ignores permissions, cannot write there.
    (tmp_path / 'taken').write_text('')
    build = Builder()
    cache = EngineCache(tmp_path / 'taken' / 'engines')
    assert cache.get(KEY, build, load).startswith(b'engine 1')
    assert 'cannot be written' in caplog.text


@pytest.mark.skipif(os.geteuid() == 0, reason='root may write everywhere')
def test_engines_of_a_read_only_folder_are_used(tmp_path: Path) -> None:
    build = Builder()
    EngineCache(tmp_path).get(KEY, build, load)
    tmp_path.chmod(0o500)
    EngineCache(tmp_path).get(KEY, build, load)
    assert build.builds == 1


def test_source_tree_is_refused() -> None:
    package = Path(__file__).resolve().parents[2] / 'flowenedet_ros'
    with pytest.raises(BackendError, match='is in the source tree: choose another'):
        EngineCache(package / 'models' / 'engines')


def test_default_folder_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert default_folder() == tmp_path / 'flowenedet_ros' / 'engines'
    monkeypatch.setenv('XDG_CACHE_HOME', 'relative')
    monkeypatch.setenv('HOME', str(tmp_path / 'home'))
    assert default_folder() == tmp_path / 'home' / '.cache' / 'flowenedet_ros' / 'engines'


def test_two_processes_build_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context('fork')
    marker = tmp_path / 'builds'
    ready = context.Event()
    workers = [
        context.Process(target=_build_when_told, args=(tmp_path / 'cache', ready, marker))
        for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    ready.set()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len(marker.read_text().splitlines()) == 1


def _build_when_told(folder: Path, ready, marker: Path) -> None:
    def build() -> bytes:
        with marker.open('a') as file:
            file.write(f'{os.getpid()}\n')
        return b'engine' * 1000

    ready.wait()
    assert EngineCache(folder).get(KEY, build, load) == b'engine' * 1000
