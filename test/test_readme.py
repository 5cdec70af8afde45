"""What the README tells people to type exists and is spelled as the commands take it."""

import re
import shlex
from pathlib import Path

import pytest

from flowenedet_ros.cli.main import parse

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / 'README.md').read_text(encoding='utf-8')
BLOCKS = '\n'.join(re.findall(r'```bash\n(.*?)```', README, re.DOTALL)).replace('\\\n', ' ')
COMMANDS = re.findall(r'^flowenedet (.*)$', BLOCKS, re.MULTILINE)
TARGETS = sorted(set(re.findall(r'(?:^|`)make ([a-z0-9-]+)', BLOCKS + README, re.MULTILINE)))


@pytest.mark.parametrize('command', COMMANDS)
def test_commands_are_understood(command):
    assert parse(shlex.split(command, comments=True)).func


def test_there_are_commands_to_check():
    assert len(COMMANDS) > 2
    assert 'demo' in TARGETS


@pytest.mark.parametrize('target', TARGETS)
def test_make_targets_exist(target):
    assert re.search(rf'^{target}:', (REPOSITORY / 'Makefile').read_text(), re.MULTILINE)


def test_pictures_exist():
    for link in re.findall(r'!\[[^]]*\]\(([^)]+)\)', README):
        assert (REPOSITORY / link).is_file(), link
