"""Fused graph, ONNX, model bundle writing, parity checks."""
