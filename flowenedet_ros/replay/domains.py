"""DDS domains that belong to one run, so that runs side by side do not hear each other."""

import errno
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
    :raises OSError: the system lets this process bind no such socket.
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
    """Give up a claim of this process.

    :raises KeyError: it has claimed no such domain.
    """
    _claims.pop(domain).close()


def _claim(domain: int) -> socket.socket | None:
    # A name in Linux's abstract namespace: it is the same for all users of a machine or container,
    # and the kernel frees it however the process ends.
    return _bound(socket.AF_UNIX, f'\0flowenedet_ros/domain/{domain}')


def _in_use(domain: int) -> bool:
    # Each participant listens on a port of its own (DDSI-RTPS 9.6.1.1, port mapping), and the
    # first may have ended before the others.
    first = 7410 + 250 * domain
    return any(_taken(first + 2 * participant) for participant in range(PARTICIPANTS_PROBED))


def _taken(port: int) -> bool:
    probe = _bound(socket.AF_INET, ('127.0.0.1', port))
    if probe is not None:
        probe.close()
    return probe is None


def _bound(family: int, address: str | tuple[str, int]) -> socket.socket | None:
    """Bind a socket; None where somebody else has the address."""
    found = socket.socket(family, socket.SOCK_DGRAM)
    try:
        found.bind(address)
    except OSError as error:
        found.close()
        if error.errno != errno.EADDRINUSE:
            raise
        return None
    return found
