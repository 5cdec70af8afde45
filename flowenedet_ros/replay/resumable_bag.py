"""A bag that is written file by file, so that it is whole and readable at every moment."""

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer

from flowenedet_ros.replay.errors import ReplayError

INFORMATION = 'rosbag2_bagfile_information'
CUSTOM_KEY = 'flowenedet'
PART = '.part'


@dataclass(frozen=True)
class Channel:
    """A topic of the bag with the definition and RIHS01 hash of its type."""

    topic: str
    msgtype: str
    definition: str
    digest: str


class ResumableBag:
    """A rosbag2 folder of several mcap files; only finished files are in its metadata.

    What is interrupted, by a full disk or a pulled plug, loses the file being written and nothing
    before it.

    :param path: the folder; a bag begun by the same work is continued.
    :param identity: what the content depends on; a bag of another identity is left alone.
    :raises ReplayError: something else lies at `path`.
    """

    def __init__(
        self, path: Path, channels: Mapping[str, Channel], identity: Mapping[str, str]
    ) -> None:
        self.path = path
        self._channels = dict(channels)
        self._identity = dict(identity)
        self._metadata: dict[str, Any] | None = None
        self._writer: Writer | None = None
        self._connections: dict[str, Connection] = {}
        self.position = 0
        self.complete = False
        self.notes: dict[str, int] = {}
        self.part_bytes = 0
        """Size of the messages in the file being written."""
        if path.exists():
            self._resume()
        shutil.rmtree(path / PART, ignore_errors=True)

    def write(self, topic: str, time_ns: int, cdr: bytes) -> None:
        """Append one message to the file being written.

        :raises OSError: the disk is full, for example.
        """
        if self._writer is None:
            self._begin_part()
        assert self._writer is not None
        self._writer.write(self._connections[topic], time_ns, cdr)
        self.part_bytes += len(cdr)

    def commit(self, position: int, notes: Mapping[str, int], complete: bool = False) -> None:
        """Finish the current file and enter it into the metadata.

        :param position: how far the work is; a continued bag gives it back.
        :param notes: counts to give back likewise.
        :raises OSError: the disk is full, for example.
        """
        state = {
            'identity': self._identity,
            'position': position,
            'complete': complete,
            'notes': dict(notes),
        }
        if self._writer is None and self._metadata is None:
            self._begin_part()
        information = self._metadata if self._writer is None else self._finish_part()
        assert information is not None
        information = {**information, 'custom_data': {CUSTOM_KEY: json.dumps(state)}}
        try:
            _write_metadata(self.path, {INFORMATION: information})
        except OSError:
            self._forget_files_beyond(self._metadata, information)
            raise
        self._metadata = information
        self.position, self.complete, self.notes = position, complete, dict(notes)

    def _finish_part(self) -> dict[str, Any]:
        assert self._writer is not None
        writer, self._writer = self._writer, None
        self.part_bytes = 0
        writer.close()
        part = self.path / PART
        number = 0 if self._metadata is None else len(self._metadata['relative_file_paths'])
        name = f'{self.path.resolve().name}_{number}.mcap'
        merged = _merged(self._metadata, _read(part)[INFORMATION], name)
        _sync(part / f'{PART}.mcap')
        os.replace(part / f'{PART}.mcap', self.path / name)
        shutil.rmtree(part)
        return merged

    def _forget_files_beyond(
        self, known: dict[str, Any] | None, information: dict[str, Any]
    ) -> None:
        kept = set() if known is None else set(known['relative_file_paths'])
        for name in set(information['relative_file_paths']) - kept:
            (self.path / name).unlink(missing_ok=True)

    def abandon(self) -> None:
        """Drop the file being written and give its space back."""
        writer, self._writer = self._writer, None
        if writer is not None:
            # Closing flushes what is left, which a full disk refuses.
            with contextlib.suppress(OSError):
                writer.abort()
        shutil.rmtree(self.path / PART, ignore_errors=True)

    def _begin_part(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        writer = Writer(self.path / PART, version=9, storage_plugin=StoragePlugin.MCAP)
        writer.open()
        # Every file knows every topic, so that their metadata can be added up.
        self._connections = {
            name: writer.add_connection(
                channel.topic, channel.msgtype, msgdef=channel.definition, rihs01=channel.digest
            )
            for name, channel in self._channels.items()
        }
        self._writer = writer
        self.part_bytes = 0

    def _resume(self) -> None:
        if self.path.is_dir() and all(entry.name == PART for entry in self.path.iterdir()):
            return
        try:
            information = _read(self.path)[INFORMATION]
            state = json.loads(information['custom_data'][CUSTOM_KEY])
            found = state['identity']
        except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
            raise ReplayError(
                f'{self.path} exists and was not written by this command: name a new folder'
            ) from error
        differing = [key for key, value in self._identity.items() if found.get(key) != value]
        if differing:
            raise ReplayError(
                f'{self.path} was begun with another {" and ".join(differing)}: '
                'name a new folder, or remove it to begin again'
            )
        self._metadata = information
        self.position, self.complete = state['position'], state['complete']
        self.notes = state['notes']


def _read(folder: Path) -> Any:
    return yaml.safe_load((folder / 'metadata.yaml').read_text(encoding='utf-8'))


def _merged(before: dict[str, Any] | None, part: dict[str, Any], name: str) -> dict[str, Any]:
    file = {**part['files'][0], 'path': name}
    if before is None:
        return {**part, 'relative_file_paths': [name], 'files': [file]}
    merged = {
        **before,
        'relative_file_paths': [*before['relative_file_paths'], name],
        'files': [*before['files'], file],
        'message_count': before['message_count'] + part['message_count'],
        'topics_with_message_count': [
            {**old, 'message_count': old['message_count'] + new['message_count']}
            for old, new in zip(
                before['topics_with_message_count'], part['topics_with_message_count'], strict=True
            )
        ],
    }
    spans = [_span(old) for old in (before, part) if old['message_count']]
    if spans:
        start, end = min(first for first, _ in spans), max(last for _, last in spans)
        merged['starting_time'] = {'nanoseconds_since_epoch': start}
        merged['duration'] = {'nanoseconds': end - start}
    return merged


def _span(information: dict[str, Any]) -> tuple[int, int]:
    start = information['starting_time']['nanoseconds_since_epoch']
    return start, start + information['duration']['nanoseconds']


def _write_metadata(folder: Path, content: dict[str, Any]) -> None:
    temporary = folder / 'metadata.yaml.tmp'
    temporary.write_text(yaml.safe_dump(content, sort_keys=False), encoding='utf-8')
    _sync(temporary)
    os.replace(temporary, folder / 'metadata.yaml')


def _sync(path: Path) -> None:
    # A name in the metadata promises the bytes behind it, also after a power cut.
    with path.open('rb') as file:
        os.fsync(file.fileno())
