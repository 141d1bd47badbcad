"""A recording to the node, by the time of the recording.

`ros2 launch vggt_ros recipe_bag.launch.py bag:=path/to/bag image_topic:=/camera/image_raw`.
"""

from launch.actions import DeclareLaunchArgument, ExecuteProcess, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

PASSED_ON = {
    'image_topic': ('/camera/image_raw', 'Image in the recording.'),
    'depth_topic': ('', 'Depth in the recording, for metric scale.'),
    'checkpoint': ('', 'Weights: nano, a Hugging Face id or a file; empty for the default.'),
    'use_rviz': ('false', 'Start rviz2, too.'),
}


def argument(name, default, description):
    return DeclareLaunchArgument(name, default_value=default, description=description)


def generate_launch_description():
    player = ExecuteProcess(
        cmd=[
            *('ros2', 'bag', 'play', LaunchConfiguration('bag'), '--clock'),
            *('--rate', LaunchConfiguration('rate'), '--delay', LaunchConfiguration('delay')),
        ],
        output='screen',
    )
    node = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(
            PathJoinSubstitution([FindPackageShare('vggt_ros'), 'launch', 'vggt.launch.py'])
        ),
        launch_arguments={
            'use_sim_time': 'true',
            **{name: LaunchConfiguration(name) for name in PASSED_ON},
        }.items(),
    )
    return LaunchDescription(
        [
            argument('bag', 'bag', 'Folder or file of the recording.'),
            argument('rate', '1.0', 'How fast, in parts of the speed of the recording.'),
            argument('delay', '20.0', 'Seconds until it begins, for the weights to load.'),
            *(argument(name, *rest) for name, rest in PASSED_ON.items()),
            node,
            player,
        ]
    )
