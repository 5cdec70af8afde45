"""Bags: play, record, process offline."""
