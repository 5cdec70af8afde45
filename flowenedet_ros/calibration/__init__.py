"""Scores to [0, 1], thresholds with a stated guarantee, drift reference."""
