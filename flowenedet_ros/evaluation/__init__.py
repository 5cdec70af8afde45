"""Benchmarks, baselines, metrics, report."""
