"""The error of the command line."""


class CommandError(RuntimeError):
    """An argument is wrong; the message says what was expected."""
