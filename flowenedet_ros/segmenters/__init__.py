"""Frozen task models and checkpoint loaders."""
