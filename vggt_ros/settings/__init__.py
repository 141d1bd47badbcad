"""Settings: frozen dataclasses with defaults, ranges and descriptions.

The parameter tree that ROS declares and config/vggt.yaml shows. Imports errors only.
"""
