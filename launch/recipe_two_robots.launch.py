"""Several robots on one machine, each with its namespace and its tree of transforms.

`ros2 launch vggt_ros recipe_two_robots.launch.py robots:=robot1,robot2`.
"""

from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    IncludeLaunchDescription,
    OpaqueFunction,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.substitutions import FindPackageShare

from launch import LaunchContext, LaunchDescription

PASSED_ON = {
    'image_topic': (
        'camera/image_raw',
        'Image below the namespace of each robot: no slash first.',
    ),
    'checkpoint': ('', 'Weights: nano, a Hugging Face id or a file; empty for the default.'),
}


def argument(name, default, description):
    return DeclareLaunchArgument(name, default_value=default, description=description)


def generate_launch_description():
    return LaunchDescription(
        [
            argument('robots', 'robot1,robot2', 'Namespaces, separated by commas.'),
            *(argument(name, *rest) for name, rest in PASSED_ON.items()),
            OpaqueFunction(function=start),
        ]
    )


def start(context: LaunchContext):
    names = LaunchConfiguration('robots').perform(context).split(',')
    robots = [name.strip() for name in names if name.strip()]
    if len(set(robots)) != len(robots) or not robots:
        raise RuntimeError(f'robots is {",".join(names)!r}; give each namespace once')
    if LaunchConfiguration('image_topic').perform(context).startswith('/'):
        raise RuntimeError(
            'image_topic begins with a slash, so that all robots would share one camera; leave it '
            'out'
        )
    return [GroupAction([robot(name)], scoped=True) for name in robots]


def robot(name):
    return IncludeLaunchDescription(
        PythonLaunchDescriptionSource(
            PathJoinSubstitution([FindPackageShare('vggt_ros'), 'launch', 'vggt.launch.py'])
        ),
        launch_arguments={
            'namespace': name,
            'use_namespace': 'true',
            **{each: LaunchConfiguration(each) for each in PASSED_ON},
        }.items(),
    )
