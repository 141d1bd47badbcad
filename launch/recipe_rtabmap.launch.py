"""An RGB-D camera for rtabmap: the node without TF, and rtabmap's launch file on its topics.

`ros2 launch vggt_ros recipe_rtabmap.launch.py image_topic:=/camera/image_raw`; needs
`ros-$ROS_DISTRO-rtabmap-ros`.
"""

from launch.actions import DeclareLaunchArgument, GroupAction, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

SHARE = FindPackageShare('vggt_ros')
PASSED_ON = {
    'image_topic': ('/camera/image_raw', 'Image of the camera.'),
    'depth_topic': ('', 'Depth for metric scale, if odometry does not give it.'),
    'checkpoint': ('', 'Weights: nano, a Hugging Face id or a file; empty for the default.'),
}
# Frames come in groups, one for each new frame of a window, seconds after their stamps.
RTABMAP = {
    'rgb_topic': '/vggt/rgb/image_rect',
    'depth_topic': '/vggt/depth/image_rect',
    'camera_info_topic': '/vggt/depth/camera_info',
    'visual_odometry': 'false',
    'approx_sync': 'false',
    'qos': '1',
    'topic_queue_size': '30',
    'sync_queue_size': '30',
    'rtabmap_viz': 'false',
}


def argument(name, default, description):
    return DeclareLaunchArgument(name, default_value=default, description=description)


def generate_launch_description():
    node = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(PathJoinSubstitution([SHARE, 'launch', 'vggt.launch.py'])),
        launch_arguments={
            'params_file': PathJoinSubstitution([SHARE, 'config', 'recipe_rtabmap.yaml']),
            'tf_mode': 'none',
            **{name: LaunchConfiguration(name) for name in PASSED_ON},
        }.items(),
    )
    rtabmap = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(
            PathJoinSubstitution(
                [FindPackageShare('rtabmap_launch'), 'launch', 'rtabmap.launch.py']
            )
        ),
        launch_arguments={
            'frame_id': LaunchConfiguration('frame_id'),
            'odom_frame_id': LaunchConfiguration('odom_frame_id'),
            **RTABMAP,
        }.items(),
    )
    return LaunchDescription(
        [
            argument('frame_id', 'base_link', 'Frame of the robot.'),
            argument('odom_frame_id', 'odom', 'Frame of the odometry, which TF has.'),
            *(argument(name, *rest) for name, rest in PASSED_ON.items()),
            # Each has arguments of its own, and some names are those of both.
            GroupAction([node], scoped=True),
            GroupAction([rtabmap], scoped=True),
        ]
    )
