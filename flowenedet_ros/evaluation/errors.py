"""The one exception of the evaluation room."""


class EvaluationError(RuntimeError):
    """Say what kept a benchmark from being run and what to do about it."""
