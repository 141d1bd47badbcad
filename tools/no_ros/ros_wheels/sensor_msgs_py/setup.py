"""Installs the stand-in for sensor_msgs_py, for environments without a ROS installation."""

from setuptools import setup

setup(
    name='vggt-ros-standin-sensor-msgs-py',
    version='0.1.0',
    description='Stand-in for sensor_msgs_py where no ROS installation provides it',
    license='Apache-2.0',
    packages=['sensor_msgs_py'],
    python_requires='>=3.10',
    # sensor_msgs and std_msgs come from a ROS distribution or from its wheels.
    install_requires=['numpy>=1.21'],
)
