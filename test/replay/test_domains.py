import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from flowenedet_ros.replay.domains import claim_domain, release_domain
from flowenedet_ros.replay.environment import ros_environment

PARTICIPANT = """
import rclpy, sys
rclpy.init()
node = rclpy.create_node('participant')
print('up', flush=True)
sys.stdin.read()
"""
# It seeds what everybody shares, as property tests do.
CLAIMS = """
import random, sys
from flowenedet_ros.replay.domains import claim_domain
random.seed(0)
print(*(claim_domain() for _ in range(3)), flush=True)
sys.stdin.read()
"""

Start = Callable[..., tuple[subprocess.Popen[str], str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Give a function that starts a program and waits for its first line."""
    processes: list[subprocess.Popen[str]] = []

    def run(program: str, domain: int | None = None) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, '-c', program],
            env=ros_environment(domain),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline()

    yield run
    for process in processes:
        process.communicate()


def offered() -> set[int]:
    """Give what is claimed in many attempts, none of which keeps anything from others for long."""
    found = set()
    for _ in range(1000):
        domain = claim_domain()
        release_domain(domain)
        found.add(domain)
    return found


def test_no_domain_is_given_to_two_processes(start: Start) -> None:
    claimed = [int(word) for _ in range(2) for word in start(CLAIMS)[1].split()]
    assert len(set(claimed)) == 6
    assert not offered() & set(claimed)


def test_a_domain_is_in_use_until_its_last_participant_ends(start: Start) -> None:
    domain = claim_domain()
    first, _ = start(PARTICIPANT, domain)
    start(PARTICIPANT, domain)
    first.communicate()
    release_domain(domain)
    assert domain not in offered()


def test_a_released_domain_is_free_again() -> None:
    domain = claim_domain()
    assert domain not in offered()
    release_domain(domain)
    assert domain in offered()
