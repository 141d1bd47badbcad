"""State over time: keyframes, windows, seams, the map. No torch, no ROS."""
