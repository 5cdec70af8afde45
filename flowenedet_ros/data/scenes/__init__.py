"""Synthetic street scenes with exact labels: the 11 CamVid classes and unknown obstacles."""

from .render import SceneFrame, render_sequence

__all__ = ['SceneFrame', 'render_sequence']
