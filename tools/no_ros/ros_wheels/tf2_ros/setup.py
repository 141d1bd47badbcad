"""Installs the stand-in for tf2_ros and tf2_py, for environments without a ROS installation."""

from setuptools import setup

setup(
    name='vggt-ros-standin-tf2-ros',
    version='0.1.0',
    description='Stand-in for tf2_ros and tf2_py where no ROS installation provides them',
    license='Apache-2.0',
    packages=['tf2_py', 'tf2_ros'],
    python_requires='>=3.10',
    # rclpy, geometry_msgs and tf2_msgs come from the ROS 2 wheels and from ../tf2_msgs.
    install_requires=['numpy>=1.21'],
)
