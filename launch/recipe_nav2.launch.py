"""The node as Nav2 needs it: occupancy grid on, nothing before meters are known.

`ros2 launch vggt_ros recipe_nav2.launch.py image_topic:=/camera/image_raw`; Nav2 is started beside
it, with the costmaps of config/recipe_nav2.yaml in its parameters.
"""

from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

SHARE = FindPackageShare('vggt_ros')
PASSED_ON = {
    'image_topic': ('/camera/image_raw', 'Image of the camera.'),
    'depth_topic': ('', 'Depth for metric scale, if odometry does not give it.'),
    'checkpoint': ('', 'Weights: nano, a Hugging Face id or a file; empty for the default.'),
    'use_rviz': ('false', 'Start rviz2, too.'),
}


def argument(name, default, description):
    return DeclareLaunchArgument(name, default_value=default, description=description)


def generate_launch_description():
    node = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(PathJoinSubstitution([SHARE, 'launch', 'vggt.launch.py'])),
        launch_arguments={
            'params_file': PathJoinSubstitution([SHARE, 'config', 'recipe_nav2.yaml']),
            **{name: LaunchConfiguration(name) for name in PASSED_ON},
        }.items(),
    )
    return LaunchDescription([*(argument(name, *rest) for name, rest in PASSED_ON.items()), node])
