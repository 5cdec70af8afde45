"""What can go wrong between a model folder, a runtime and a camera image."""


class FlowEneDetError(RuntimeError):
    """Base of the errors below; catch it to keep a node alive whatever fails."""


class BundleError(FlowEneDetError):
    """A model folder is missing, incomplete, altered or of another format."""


class BackendError(FlowEneDetError):
    """A runtime is not installed, cannot run the model, or failed while running it."""


class FrameError(FlowEneDetError):
    """An image array is not what a camera gives: uint8 height x width x 3."""
