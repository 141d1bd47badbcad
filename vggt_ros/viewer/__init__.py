"""Viewer: what a page in a browser shows of a map, and the page itself.

Nothing here knows ROS; `vggt_ros.ros.tools.viewer` feeds a page with topics.
"""
