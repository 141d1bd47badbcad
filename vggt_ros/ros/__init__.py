"""The thin ROS shell: the only package that imports ROS."""
