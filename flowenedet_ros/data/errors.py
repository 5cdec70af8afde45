"""The one exception of the data room."""


class DataError(RuntimeError):
    """Say what a data set, picture or label map should have been and what was found instead."""
