"""TensorRT and TensorRT for RTX: the same code on vehicles, servers and desktops."""
