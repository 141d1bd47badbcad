"""The node: `ros2 launch vggt_ros vggt.launch.py image_topic:=/camera/image_raw`.

Several cameras: `image_topic:=/left/image_raw,/right/image_raw`.
One of several robots, each with a tree of its own below its namespace, as for nav2:
`namespace:=robot1 use_namespace:=true image_topic:=camera/image_raw`.
"""

import os
from pathlib import Path

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchContext, LaunchDescription
from vggt_ros.middleware_profile import profile_variables

SHARE = FindPackageShare('vggt_ros')
CONFIG = Path(__file__).parents[1] / 'config'
# Time for the middleware to notice that the old one is gone.
RESPAWN_DELAY_S = 2.0
# What config/vggt.rviz listens to, as if the node were called /vggt.
RVIZ_TOPICS = ('map/points', 'points', 'depth/image_rect', 'rgb/image_rect', 'path')
RVIZ_TOPICS += ('camera_poses', 'tracks/image', 'confidence/image', 'tracks', 'occupancy')
RVIZ_TOPICS += ('pose_with_covariance',)


def argument(name, default, description):
    return DeclareLaunchArgument(name, default_value=default, description=description)


def generate_launch_description():
    return LaunchDescription(
        [
            argument('namespace', '', 'Namespace of the node.'),
            argument(
                'use_namespace',
                'false',
                'true: the robot has a tree of its own, /tf and /tf_static below the namespace.',
            ),
            argument('name', 'vggt', 'Name of the node; its topics are below it.'),
            argument(
                'params_file',
                PathJoinSubstitution([SHARE, 'config', 'vggt.yaml']),
                'YAML file with the parameters.',
            ),
            argument(
                'image_topic',
                '/camera/image_raw',
                'sensor_msgs/Image to read, or its CompressedImage below it; several cameras '
                'separated by commas.',
            ),
            argument(
                'camera_info_topic',
                '',
                'sensor_msgs/CameraInfo to read, as many as there are cameras; empty for '
                'camera_info beside image_topic.',
            ),
            argument(
                'checkpoint',
                '',
                'Weights: nano, a Hugging Face id or a file; empty takes those of params_file.',
            ),
            argument('device', '', 'auto, cpu, cuda or cuda:N; empty takes that of params_file.'),
            argument(
                'depth_topic',
                '',
                'sensor_msgs/Image for metric scale, if it exists; as many as there are cameras.',
            ),
            argument(
                'depth_info_topic',
                '',
                'Its sensor_msgs/CameraInfo, for depth that is not registered to the image; empty '
                'for camera_info beside depth_topic.',
            ),
            argument(
                'imu_topic', '', 'sensor_msgs/Imu for the direction of gravity, if it exists.'
            ),
            argument('map_frame', '', 'Fixed frame of the map; empty takes that of params_file.'),
            argument('odom_frame', '', 'Frame of the odometry; empty as above.'),
            argument('base_frame', '', 'Frame of the robot; empty as above.'),
            argument(
                'tf_mode',
                '',
                'auto, map_to_odom, map_to_base, map_to_camera or none; empty as above.',
            ),
            argument('use_sim_time', 'false', 'Take the time from /clock.'),
            argument(
                'autostart',
                '',
                'true: configure and activate at start-up; false: a lifecycle manager does it; '
                'empty takes that of params_file.',
            ),
            argument('use_respawn', 'false', 'Start the node again when it dies.'),
            argument('log_level', 'info', 'debug, info, warn, error or fatal.'),
            argument('use_rviz', 'false', 'Start rviz2, too.'),
            argument(
                'rviz_config',
                PathJoinSubstitution([SHARE, 'config', 'vggt.rviz']),
                'What rviz2 shows.',
            ),
            OpaqueFunction(function=start),
        ]
    )


def start(context: LaunchContext):
    def given(name):
        return LaunchConfiguration(name).perform(context)

    image_topics = listed(given('image_topic'))
    topics = {
        'image': image_topics,
        'camera_info': listed(given('camera_info_topic'))
        or [sibling(topic, 'camera_info') for topic in image_topics],
        'depth': listed(given('depth_topic')),
        'depth_camera_info': listed(given('depth_info_topic')),
    }
    parameters = {'use_sim_time': typed('use_sim_time', bool)}
    if len(image_topics) > 1:
        parameters['input.num_cameras'] = len(image_topics)
    for parameter, name, kind in (
        ('model.checkpoint', 'checkpoint', str),
        ('model.device', 'device', str),
        ('autostart', 'autostart', bool),
        ('frames.map', 'map_frame', str),
        ('frames.odom', 'odom_frame', str),
        ('frames.base', 'base_frame', str),
        ('tf.mode', 'tf_mode', str),
    ):
        if given(name):
            parameters[parameter] = typed(name, kind)

    namespace = given('namespace').strip('/')
    tf = tf_remappings(given('use_namespace'), namespace)

    # The node sends clouds of megabytes: without a profile what does not fit is lost.
    profile = profile_variables({**os.environ, **context.environment}, CONFIG)
    node = Node(
        package='vggt_ros',
        executable='vggt_node',
        name=given('name'),
        namespace=namespace,
        parameters=[given('params_file'), parameters],
        remappings=[
            pair for name, found in topics.items() for pair in remapped(name, found, image_topics)
        ]
        + [('imu', topic) for topic in listed(given('imu_topic'))]
        + tf,
        respawn=given('use_respawn').lower() in ('true', '1'),
        respawn_delay=RESPAWN_DELAY_S,
        arguments=['--ros-args', '--log-level', given('log_level')],
        additional_env=profile,
        output='screen',
        emulate_tty=True,
    )
    prefix = f'/{namespace}/{given("name")}'.replace('//', '/')
    rviz = Node(
        package='rviz2',
        executable='rviz2',
        name='rviz_vggt',
        namespace=namespace if tf else '',
        arguments=['-d', given('rviz_config')],
        parameters=[{'use_sim_time': typed('use_sim_time', bool)}],
        remappings=[(f'/vggt/{topic}', f'{prefix}/{topic}') for topic in RVIZ_TOPICS] + tf,
        additional_env=profile,
        condition=IfCondition(given('use_rviz')),
        output='screen',
    )
    return [node, rviz]


def tf_remappings(use_namespace, namespace):
    """Relative names end below the namespace of the node."""
    if use_namespace.lower() not in ('true', '1'):
        return []
    if not namespace:
        raise RuntimeError('use_namespace is true and namespace is empty; give namespace:=<robot>')
    return [('/tf', 'tf'), ('/tf_static', 'tf_static')]


def listed(topics):
    return [topic.strip() for topic in topics.split(',') if topic.strip()]


def remapped(name, topics, image_topics):
    """Pair the node's names, `image` or `image_0` and so on, with those of the cameras."""
    if not topics:
        return []
    if len(topics) != len(image_topics):
        raise RuntimeError(
            f'{len(image_topics)} image topics and {len(topics)} {name} topics are given '
            f'({", ".join(topics)}); give one for each camera, or none'
        )
    if len(topics) == 1:
        return [(name, topics[0])]
    return [(f'{name}_{camera}', topic) for camera, topic in enumerate(topics)]


def typed(name, kind):
    """Keep `checkpoint:=1` a text, which YAML would take for a number."""
    return ParameterValue(LaunchConfiguration(name), value_type=kind)


def sibling(topic, name):
    return '/'.join([*topic.split('/')[:-1], name])
