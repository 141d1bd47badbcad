"""A depth camera: image and aligned depth to a map in meters.

`ros2 launch vggt_ros recipe_depth_camera.launch.py`, with names of a RealSense. Its driver is
started beside it.
"""

from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

PASSED_ON = {
    'image_topic': ('/camera/camera/color/image_raw', 'Image of the color camera.'),
    'depth_topic': (
        '/camera/camera/aligned_depth_to_color/image_raw',
        'Its depth, aligned to the image.',
    ),
    'checkpoint': ('', 'Weights: nano, a Hugging Face id or a file; empty for the default.'),
    'use_rviz': ('false', 'Start rviz2, too.'),
}


def argument(name, default, description):
    return DeclareLaunchArgument(name, default_value=default, description=description)


def generate_launch_description():
    node = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(
            PathJoinSubstitution([FindPackageShare('vggt_ros'), 'launch', 'vggt.launch.py'])
        ),
        launch_arguments={name: LaunchConfiguration(name) for name in PASSED_ON}.items(),
    )
    return LaunchDescription([*(argument(name, *rest) for name, rest in PASSED_ON.items()), node])
