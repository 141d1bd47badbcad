"""Everything that is to be known on a machine with a GPU, by one command; no ROS, no gtsam."""
