"""Objects that no road class covers: cut out of pictures, or drawn."""
