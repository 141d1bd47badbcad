"""Refinement: feature tracks, bundle adjustment and depth that agrees; the images decide.

No network, no ROS. Imports frontend.
"""
