"""Frozen task models and checkpoint loaders."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowenedet_ros.segmenters.registry import load_segmenter

__all__ = ['load_segmenter']


def __getattr__(name: str) -> Any:
    # Looked up late, so that importing a module of this room loads no more than it needs.
    if name == 'load_segmenter':
        from flowenedet_ros.segmenters.registry import load_segmenter

        return load_segmenter
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
