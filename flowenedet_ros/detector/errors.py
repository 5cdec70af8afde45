"""The one exception of the detector room."""


class DetectorError(RuntimeError):
    """Say what a detector was given, what it expected and what to do."""
