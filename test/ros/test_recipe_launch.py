"""The recipes, started by the real `launch` where it is installed; no process runs."""

from pathlib import Path

import pytest

launch = pytest.importorskip('launch', reason='launch comes with a ROS 2 distribution')
pytest.importorskip('launch_ros', reason='launch_ros comes with a ROS 2 distribution')
sources = pytest.importorskip('launch.launch_description_sources')
utilities = pytest.importorskip('launch.utilities')

ROOT = Path(__file__).parents[2]


@pytest.fixture
def started():
    """Evaluate a recipe with arguments; return what it starts, as (kind, name or arguments)."""

    def evaluate(recipe, **given):
        context = launch.LaunchContext()
        path = ROOT / 'launch' / f'recipe_{recipe}.launch.py'
        description = sources.get_launch_description_from_python_launch_file(str(path))
        for argument in description.get_launch_arguments():
            default = utilities.perform_substitutions(context, argument.default_value)
            context.launch_configurations[argument.name] = given.get(argument.name, default)
        return context, list(entities(context, description.entities))

    return evaluate


def entities(context, found):
    """All nodes, processes and included files, without what they include."""
    for entity in found:
        kind = type(entity).__name__
        if kind == 'OpaqueFunction':
            yield from entities(context, entity.execute(context))
        elif kind == 'GroupAction':
            yield from entities(context, entity.get_sub_entities())
        elif kind in ('Node', 'ExecuteProcess', 'IncludeLaunchDescription'):
            yield entity


def included(context, found):
    """Arguments of every included file, in their order."""
    return [
        {
            performed(context, name): performed(context, value)
            for name, value in entity.launch_arguments
        }
        for entity in found
        if type(entity).__name__ == 'IncludeLaunchDescription'
    ]


def performed(context, value):
    try:
        return utilities.perform_substitutions(
            context, utilities.normalize_to_list_of_substitutions(value)
        )
    except Exception as error:  # a package that is not installed here  # noqa: BLE001
        return type(error).__name__


def test_each_robot_has_its_namespace_and_its_tree(started):
    context, found = started('two_robots', robots='a, b')
    first, second = included(context, found)
    assert (first['namespace'], second['namespace']) == ('a', 'b')
    assert first['use_namespace'] == second['use_namespace'] == 'true'
    assert first['image_topic'] == 'camera/image_raw'


@pytest.mark.parametrize(
    ('given', 'reason'),
    [
        ({'robots': 'a,a'}, 'each namespace once'),
        ({'robots': ''}, 'each namespace once'),
        ({'image_topic': '/camera/image_raw'}, 'share one camera'),
    ],
)
def test_robots_that_would_share_something_are_refused(started, given, reason):
    with pytest.raises(RuntimeError, match=reason):
        started('two_robots', **given)


def test_a_stereo_camera_is_a_rig_of_two(started):
    context, found = started('stereo')
    (node,) = included(context, found)
    assert node['image_topic'] == '/stereo/left/image_raw,/stereo/right/image_raw'
    assert len(found) == 1


def test_a_baseline_is_a_transform_to_the_right(started):
    context, found = started('stereo', baseline='0.12', left_frame='l', right_frame='r')
    mount = next(each for each in found if type(each).__name__ == 'Node')
    words = [performed(context, each) for each in mount._Node__arguments]
    assert words == ['--x', '0.12', '--frame-id', 'l', '--child-frame-id', 'r']


def test_a_baseline_without_frames_is_refused(started):
    with pytest.raises(RuntimeError, match='left_frame'):
        started('stereo', baseline='0.12')


def test_a_recording_is_played_by_its_own_time(started):
    context, found = started('bag', bag='drive.mcap', rate='0.5')
    (node,) = included(context, found)
    assert node['use_sim_time'] == 'true'
    player = next(each for each in found if type(each).__name__ == 'ExecuteProcess')
    words = [performed(context, each) for each in player.cmd]
    assert words[:5] == ['ros2', 'bag', 'play', 'drive.mcap', '--clock']
    assert words[5:7] == ['--rate', '0.5']


def test_depth_of_the_camera_gives_meters(started):
    context, found = started('depth_camera')
    (node,) = included(context, found)
    assert node['depth_topic'].endswith('aligned_depth_to_color/image_raw')


def test_rtabmap_alone_sends_the_transform(started):
    context, found = started('rtabmap', frame_id='base')
    node, rtabmap = included(context, found)
    assert node['tf_mode'] == 'none'
    assert rtabmap['frame_id'] == 'base'
    assert rtabmap['depth_topic'] == '/vggt/depth/image_rect'


def test_nav2_gets_a_node_with_the_parameters_of_the_recipe(started):
    context, found = started('nav2', image_topic='/eye/image_raw')
    (node,) = included(context, found)
    assert node['image_topic'] == '/eye/image_raw'
    assert 'params_file' in node
