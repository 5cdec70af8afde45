"""Built GPU engines on disk: found by everything that makes them fit, built once, never half."""

import fcntl
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeVar

from flowenedet_ros.inference.errors import BackendError

_MAGIC = b'flowenedet-engine-1 '
_LONGEST_HEADER = 65536
_PACKAGE = Path(__file__).resolve().parents[1]
_LOG = logging.getLogger(__name__)
T = TypeVar('T')


@dataclass(frozen=True)
class EngineKey:
    """Everything that an engine depends on."""

    model_sha256: str
    runtime: str
    """Name and version of the library that builds it."""
    gpu: str
    """Name and compute capability."""
    precision: str
    shapes: str
    flags: str
    """Settings of the builder."""

    @property
    def digest(self) -> str:
        """One short name for all of it."""
        return hashlib.sha256(self._text()).hexdigest()[:32]

    def _text(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()


class EngineCache:
    """A folder of engines.

    :param folder: None for `$XDG_CACHE_HOME/flowenedet_ros/engines`.
    :param on_bad: 'rebuild' a damaged or foreign engine, or end with an 'error'.
    :param keep: engines that stay; the ones that were used longest ago go.
    :raises BackendError: when the folder lies in the source tree.
    """

    def __init__(
        self,
        folder: Path | None = None,
        on_bad: Literal['rebuild', 'error'] = 'rebuild',
        keep: int = 8,
    ) -> None:
        self.folder = (folder or default_folder()).expanduser().resolve()
        self._on_bad = on_bad
        self._keep = keep
        if self.folder.is_relative_to(_PACKAGE.parent) and (_PACKAGE.parent / 'setup.py').exists():
            raise BackendError(f'engine cache {self.folder} is in the source tree: choose another')

    def path(self, key: EngineKey) -> Path:
        """Where the engine of a key is kept."""
        return self.folder / f'{key.digest}.engine'

    def get(self, key: EngineKey, build: Callable[[], bytes], load: Callable[[bytes], T]) -> T:
        """Give the loaded engine of a key, building it where there is none.

        :param build: makes the engine; takes minutes.
        :param load: loads it; raises `BackendError` for an engine that does not fit this machine.
        :raises BackendError: for a bad engine where `on_bad` is 'error', or what `build` raises.
        """
        found = self._read(key, load)
        if found is not None:
            return found
        with self._lock():
            # Another process may have built it while this one waited.
            found = self._read(key, load)
            if found is not None:
                return found
            engine = build()
            self._write(key, engine)
        try:
            return load(engine)
        except BackendError as error:
            raise BackendError(f'the engine that was just built cannot be used: {error}') from error

    def _read(self, key: EngineKey, load: Callable[[bytes], T]) -> T | None:
        path = self.path(key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._complain(path, f'cannot be read ({error})')
            return None
        problem = _damage(key, content)
        if problem is None:
            try:
                loaded = load(content[_header_size(content) :])
            except BackendError as error:
                problem = f'was refused: {error}'
            else:
                with suppress(OSError):
                    os.utime(path)
                return loaded
        self._complain(path, problem)
        return None

    def _complain(self, path: Path, problem: str) -> None:
        if self._on_bad == 'error':
            raise BackendError(f'engine {path} {problem}: delete it, or allow it to be rebuilt')
        _LOG.warning('engine %s %s: building it again', path, problem)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Hold the right to build; where the folder cannot be written, hold nothing."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # One lock for all: two builds at a time would spoil each other's timing.
            lock = (self.folder / 'build.lock').open('wb')
        except OSError as error:
            _LOG.warning('engine cache %s cannot be written (%s)', self.folder, error)
            yield
            return
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _LOG.warning('another process is building an engine in %s: waiting', self.folder)
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _write(self, key: EngineKey, engine: bytes) -> None:
        try:
            with tempfile.NamedTemporaryFile(dir=self.folder, suffix='.part', delete=False) as file:
                try:
                    file.write(_header(key, engine) + engine)
                    file.flush()
                    os.fsync(file.fileno())
                    Path(file.name).replace(self.path(key))
                except OSError:
                    Path(file.name).unlink(missing_ok=True)
                    raise
        except OSError as error:
            _LOG.warning('the engine is used but not kept: %s', error)
            return
        self._prune()

    def _prune(self) -> None:
        def last_use(path: Path) -> float:
            return path.stat().st_mtime

        with suppress(OSError):
            engines = sorted(self.folder.glob('*.engine'), key=last_use, reverse=True)
            # Parts are left over only from processes that died: the lock is held here.
            for path in [*engines[self._keep :], *self.folder.glob('*.part')]:
                path.unlink(missing_ok=True)


def default_folder() -> Path:
    """Give the user's cache folder, as the XDG base directory specification says."""
    base = Path(os.environ.get('XDG_CACHE_HOME', ''))
    if not base.is_absolute():
        try:
            base = Path.home() / '.cache'
        except RuntimeError:  # a user without a home
            base = Path(tempfile.gettempdir())
    return base / 'flowenedet_ros' / 'engines'


def _header(key: EngineKey, engine: bytes) -> bytes:
    content = {'key': asdict(key), 'sha256': hashlib.sha256(engine).hexdigest()}
    return _MAGIC + json.dumps(content, sort_keys=True).encode() + b'\n'


def _header_size(content: bytes) -> int:
    return content.find(b'\n', 0, _LONGEST_HEADER) + 1


def _damage(key: EngineKey, content: bytes) -> str | None:
    """Say why a file is not the engine of this key, or give None."""
    size = _header_size(content)
    if not content.startswith(_MAGIC) or not size:
        return 'was not written by this engine cache'
    if content[:size] != _header(key, content[size:]):
        return 'is damaged or belongs to another model, runtime or GPU'
    return None
