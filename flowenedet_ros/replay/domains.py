"""DDS domains that belong to one run, so that runs side by side do not hear each other."""

import random
import socket

from flowenedet_ros.replay.errors import ReplayError

# Above this the ports of a domain reach into Linux's ephemeral range.
HIGHEST_DOMAIN = 101
PARTICIPANTS_PROBED = 10
_claims: dict[int, socket.socket] = {}


def claim_domain() -> int:
    """Take a DDS domain that nobody on this machine uses or has claimed.

    The claim lasts until `release_domain` or the end of this process. Looking alone would not do:
    on a busy machine seconds pass before the first participant of a run shows on the domain.

    :raises ReplayError: there is none.
    """
    # The system's randomness: whoever seeds the global one would always get the same domains.
    for domain in random.SystemRandom().sample(range(1, HIGHEST_DOMAIN + 1), HIGHEST_DOMAIN):
        claim = _claim(domain)
        if claim is None:
            continue
        if not _in_use(domain):
            _claims[domain] = claim
            return domain
        claim.close()
    raise ReplayError('every DDS domain of this machine is in use: set ROS_DOMAIN_ID yourself')


def release_domain(domain: int) -> None:
    """Give up a claim of this process."""
    _claims.pop(domain).close()


def _claim(domain: int) -> socket.socket | None:
    # A name in Linux's abstract namespace, which the kernel frees however the process ends.
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f'\0flowenedet_ros/domain/{domain}')
    except OSError:
        claim.close()
        return None
    return claim


def _in_use(domain: int) -> bool:
    # Each participant listens on a port of its own (DDSI-RTPS 9.6.1.1, port mapping), and the
    # first may have ended before the others.
    first = 7410 + 250 * domain
    return any(_taken(first + 2 * participant) for participant in range(PARTICIPANTS_PROBED))


def _taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(('127.0.0.1', port))
        except OSError:
            return True
    return False
