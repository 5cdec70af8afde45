"""The error of the training room."""


class TrainingError(RuntimeError):
    """Training cannot start or go on; the message says what to change."""
