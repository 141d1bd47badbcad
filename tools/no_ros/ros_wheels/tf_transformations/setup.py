"""Installs the stand-in for tf_transformations, for environments without a ROS installation."""

from setuptools import setup

setup(
    name='vggt-ros-standin-tf-transformations',
    version='0.1.0',
    description='Stand-in for tf_transformations where no ROS installation provides it',
    license='Apache-2.0',
    packages=['tf_transformations'],
    python_requires='>=3.10',
    # The library under the original as well; its signs and conventions are part of the API.
    install_requires=['numpy>=1.21', 'transforms3d==0.4.2'],
)
