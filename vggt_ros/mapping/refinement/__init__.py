"""Images decide: feature tracks, bundle adjustment and depth that agrees; no ROS, no network."""
