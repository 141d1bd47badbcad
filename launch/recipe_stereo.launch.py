"""A stereo camera: two images to a map in meters.

`ros2 launch vggt_ros recipe_stereo.launch.py baseline:=0.12 left_frame:=left right_frame:=right`.
Without `baseline` the driver has to publish the transform between the optical frames.
"""

from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

from launch import LaunchContext, LaunchDescription

PASSED_ON = {
    'checkpoint': ('', 'Weights: nano, a Hugging Face id or a file; empty for the default.'),
    'use_rviz': ('false', 'Start rviz2, too.'),
}


def argument(name, default, description):
    return DeclareLaunchArgument(name, default_value=default, description=description)


def generate_launch_description():
    return LaunchDescription(
        [
            argument('left', '/stereo/left/image_raw', 'Image of the left camera.'),
            argument('right', '/stereo/right/image_raw', 'Image of the right camera.'),
            argument(
                'baseline',
                '',
                'Distance of the cameras, meters; empty if the driver publishes the transform.',
            ),
            argument('left_frame', '', 'Optical frame of the left images, with baseline.'),
            argument('right_frame', '', 'Optical frame of the right images, with baseline.'),
            *(argument(name, *rest) for name, rest in PASSED_ON.items()),
            OpaqueFunction(function=start),
        ]
    )


def start(context: LaunchContext):
    def given(name):
        return LaunchConfiguration(name).perform(context)

    node = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(
            PathJoinSubstitution([FindPackageShare('vggt_ros'), 'launch', 'vggt.launch.py'])
        ),
        launch_arguments={
            'image_topic': f'{given("left")},{given("right")}',
            **{name: LaunchConfiguration(name) for name in PASSED_ON},
        }.items(),
    )
    if not given('baseline'):
        return [node]
    frames = given('left_frame'), given('right_frame')
    if not all(frames):
        raise RuntimeError(
            'baseline is given without left_frame and right_frame; give the frame_id of the '
            'images of both cameras'
        )
    # Of an optical frame x is to the right.
    arguments = ['--x', given('baseline'), '--frame-id', frames[0], '--child-frame-id', frames[1]]
    mount = Node(
        package='tf2_ros',
        executable='static_transform_publisher',
        name='stereo_baseline',
        arguments=arguments,
    )
    return [mount, node]
