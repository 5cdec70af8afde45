"""The error of the segmenter room."""


class SegmenterError(RuntimeError):
    """A segmenter, its checkpoint or its description is not usable; the message says why."""
