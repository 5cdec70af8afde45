"""The one exception of the export room."""


class ExportError(RuntimeError):
    """Say what could not be exported, what was expected and what to do."""
