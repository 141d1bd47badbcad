"""Installs the stand-in for cv_bridge, for environments without a ROS installation."""

from setuptools import setup

setup(
    name='vggt-ros-standin-cv-bridge',
    version='0.1.0',
    description='Stand-in for cv_bridge where no ROS installation provides it',
    license='Apache-2.0',
    packages=['cv_bridge', 'cv_bridge.boost'],
    python_requires='>=3.10',
    # cv2 too, but from whichever of its distributions is there (headless or not); sensor_msgs
    # comes from a ROS distribution or from its wheels.
    install_requires=['numpy>=1.21'],
)
