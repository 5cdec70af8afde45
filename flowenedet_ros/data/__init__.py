"""Datasets, label maps, corruptions, synthetic street scenes."""
