"""A frozen segmenter, a normalizing flow on its energies, and the ROS 2 node around them."""
