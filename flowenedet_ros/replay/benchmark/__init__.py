"""What the ROS path costs: a camera, our node as a process of its own, and its report."""
