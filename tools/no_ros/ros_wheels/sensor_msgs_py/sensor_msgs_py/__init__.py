"""Stand-in for ROS 2's `sensor_msgs_py`, for environments without a ROS installation.

It keeps the names, defaults, layouts and errors of the package of the same name in
ros2/common_interfaces (as of Jazzy, Kilted and Rolling), so that code runs on either unchanged.
Never install it where the real package exists.

Differences:
  - `numpy_compat` is left out: it serves NumPy before 1.16 only.
  - Reading a cloud of foreign byte order leaves the message as it was; the original swaps the
    bytes inside the message, so that a second reading of it returns wrong numbers.
"""
