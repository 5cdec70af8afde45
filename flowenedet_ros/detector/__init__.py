"""The method: energies, flow, mixture, read-out, post-processing."""
