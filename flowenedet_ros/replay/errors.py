"""What can go wrong with a bag."""

from flowenedet_ros.inference.errors import FlowEneDetError


class ReplayError(FlowEneDetError):
    """A bag cannot be read, played or written; the message says what to do."""
