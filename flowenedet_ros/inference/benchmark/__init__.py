"""Speed and memory of a bundle: every configuration in its own process, asked in turn."""
