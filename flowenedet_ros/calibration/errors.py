"""The one exception of the calibration room."""


class CalibrationError(RuntimeError):
    """Say what the data lack for a calibration and what to do about it."""
