"""Fitting segmenters and the flow."""
