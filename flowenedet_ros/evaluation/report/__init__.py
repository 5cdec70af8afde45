"""The report of an evaluation: one HTML page that opens without a network, and its figures."""
