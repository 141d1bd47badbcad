"""Dense 3D maps, camera poses and point tracks from plain cameras in ROS 2, with VGGT."""

__version__ = '0.1.0'
