"""The lifecycle node: parameters, topics, QoS, diagnostics, messages to arrays and back."""
