"""Fixtures shared by all tests."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).resolve().parents[1]

# A shell ignores SIGINT for what it starts in the background, and that is inherited; tests send it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# On a busy machine any example may take longer than 0.2 s, which Hypothesis calls a failure.
settings.register_profile('untimed', deadline=None)
settings.load_profile('untimed')


@pytest.fixture(scope='session')
def real_data() -> Path:
    """Give the folder of real road data, or skip the test that asks for it."""
    folder = Path(os.environ.get('FLOWENEDET_DATA', REPOSITORY.parent / 'shared' / 'data'))
    if not folder.is_dir():
        pytest.skip(f'no real road data: set FLOWENEDET_DATA (looked in {folder})')
    return folder
