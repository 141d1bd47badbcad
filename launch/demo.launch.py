"""Images, node and rviz: `ros2 launch vggt_ros demo.launch.py input:=room.mp4`."""

import os
from pathlib import Path

from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.conditions import IfCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription
from vggt_ros.middleware_profile import profile_variables

CONFIG = Path(__file__).parents[1] / 'config'

PASSED_ON = {
    'checkpoint': ('nano', 'Weights: nano, a Hugging Face id or a file.'),
    'device': ('auto', 'auto, cpu, cuda or cuda:N.'),
    'use_rviz': ('true', 'Start rviz2, too.'),
    'log_level': ('info', 'debug, info, warn, error or fatal.'),
}


def argument(name, default, description):
    return DeclareLaunchArgument(name, default_value=default, description=description)


def generate_launch_description():
    player = Node(
        package='vggt_ros',
        executable='camera_player',
        name='camera_player',
        parameters=[
            {
                'input': ParameterValue(LaunchConfiguration('input'), value_type=str),
                'rate': ParameterValue(LaunchConfiguration('rate'), value_type=float),
                'loop': ParameterValue(LaunchConfiguration('loop'), value_type=bool),
                # The node subscribes when its weights are loaded, which may mean a download.
                'wait_for_subscribers': 1,
                'wait_timeout': 3600.0,
            }
        ],
        additional_env=profile_variables(os.environ, CONFIG),
        output='screen',
        emulate_tty=True,
    )
    node = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(
            PathJoinSubstitution([FindPackageShare('vggt_ros'), 'launch', 'vggt.launch.py'])
        ),
        launch_arguments={
            'image_topic': '/camera/image_raw',
            **{name: LaunchConfiguration(name) for name in PASSED_ON},
        }.items(),
    )
    viewer = Node(
        package='vggt_ros',
        executable='viewer',
        name='viewer',
        parameters=[{'prefix': '/vggt'}],
        condition=IfCondition(LaunchConfiguration('viewer')),
        additional_env=profile_variables(os.environ, CONFIG),
        output='screen',
        emulate_tty=True,
    )
    return LaunchDescription(
        [
            argument(
                'input',
                'synthetic',
                'Folder of images, video file, or "synthetic" for a walk through a made-up room.',
            ),
            argument('rate', '10.0', 'Images a second.'),
            argument('loop', 'false', 'Start over at the end.'),
            argument('viewer', 'false', 'Show the map in a browser, at http://127.0.0.1:8080.'),
            *(argument(name, *rest) for name, rest in PASSED_ON.items()),
            node,
            player,
            viewer,
        ]
    )
