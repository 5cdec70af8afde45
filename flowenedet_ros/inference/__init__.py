"""Frame in, `Perception` out. Imports no torch."""
