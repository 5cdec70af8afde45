"""One inference runtime per file, all behind one interface."""
