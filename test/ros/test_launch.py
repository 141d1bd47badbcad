"""The launch files, read by the real `launch` where it is installed."""

from pathlib import Path

import pytest
import yaml

from tools.launch_arguments import launch_arguments
from vggt_ros.middleware_profile import PROFILE_VARIABLES

launch = pytest.importorskip('launch', reason='launch comes with a ROS 2 distribution')
pytest.importorskip('launch_ros', reason='launch_ros comes with a ROS 2 distribution')
sources = pytest.importorskip('launch.launch_description_sources')
utilities = pytest.importorskip('launch.utilities')

ROOT = Path(__file__).parents[2]
FILES = sorted(path.name for path in (ROOT / 'launch').glob('*.launch.py'))
ARGUMENTS = {
    *('namespace', 'name', 'params_file', 'image_topic', 'camera_info_topic', 'checkpoint'),
    *('device', 'use_sim_time', 'autostart', 'log_level', 'use_rviz', 'rviz_config'),
    *('depth_topic', 'map_frame', 'odom_frame', 'base_frame', 'tf_mode', 'use_respawn'),
    *('use_namespace', 'depth_info_topic', 'imu_topic'),
}


def description_of(name):
    return sources.get_launch_description_from_python_launch_file(str(ROOT / 'launch' / name))


def arguments_of(description):
    return {argument.name: argument for argument in description.get_launch_arguments()}


@pytest.fixture
def start():
    """Evaluate vggt.launch.py with arguments; return its node and its rviz."""

    def evaluate(**given):
        context = launch.LaunchContext()
        folder = ROOT / 'config'
        given = {'params_file': str(folder / 'vggt.yaml'), 'rviz_config': 'x.rviz', **given}
        description = description_of('vggt.launch.py')
        for name, argument in arguments_of(description).items():
            default = argument.default_value
            value = given.get(name)
            if value is None:
                value = utilities.perform_substitutions(context, default)
            context.launch_configurations[name] = value
        function = next(e for e in description.entities if type(e).__name__ == 'OpaqueFunction')
        node, rviz = function.execute(context)
        return context, node, rviz

    return evaluate


def remappings(context, node):
    return {
        utilities.perform_substitutions(context, before): utilities.perform_substitutions(
            context, after
        )
        for before, after in node._Node__remappings
    }


def test_the_promised_arguments_are_there():
    assert set(arguments_of(description_of('vggt.launch.py'))) == ARGUMENTS


@pytest.mark.parametrize('name', FILES)
def test_every_argument_has_a_description_and_a_default(name):
    for argument in arguments_of(description_of(name)).values():
        assert argument.description
        assert argument.default_value is not None


@pytest.mark.parametrize('name', FILES)
def test_arguments_that_are_read_from_the_source_are_those_of_the_file(name):
    read = {each.name for each in launch_arguments(ROOT / 'launch' / name)}
    assert read == set(arguments_of(description_of(name)))


def test_the_demo_plays_something_to_the_node():
    kinds = [type(entity).__name__ for entity in description_of('demo.launch.py').entities]
    assert kinds.count('Node') == 1
    assert kinds.count('IncludeLaunchDescription') == 1


@pytest.mark.parametrize(
    ('image_topic', 'camera_info_topic', 'expected'),
    [
        ('/camera/image_raw', None, '/camera/camera_info'),
        ('/a/b/image_rect', None, '/a/b/camera_info'),
        ('image', None, 'camera_info'),
        ('/camera/image_raw', '/other/info', '/other/info'),
    ],
)
def test_the_calibration_is_beside_the_image(start, image_topic, camera_info_topic, expected):
    context, node, _ = start(image_topic=image_topic, camera_info_topic=camera_info_topic)
    assert remappings(context, node) == {
        'image': image_topic,
        'camera_info': expected,
    }


def test_rviz_follows_the_name_of_the_node(start):
    context, _, rviz = start(namespace='/robot/', name='eyes')
    assert remappings(context, rviz)['/vggt/points'] == '/robot/eyes/points'


def test_a_robot_among_others_has_a_tree_of_its_own(start):
    context, node, rviz = start(
        namespace='robot1', use_namespace='true', image_topic='camera/image_raw'
    )
    tree = {'/tf': 'tf', '/tf_static': 'tf_static'}
    assert tree.items() <= remappings(context, node).items()
    assert tree.items() <= remappings(context, rviz).items()
    assert remappings(context, node)['image'] == 'camera/image_raw'


def test_without_use_namespace_all_robots_share_one_tree(start):
    context, node, rviz = start(namespace='robot1')
    assert '/tf' not in remappings(context, node)
    assert '/tf' not in remappings(context, rviz)


def test_a_tree_of_its_own_needs_a_namespace(start):
    with pytest.raises(RuntimeError, match='namespace is empty'):
        start(use_namespace='true')


def test_rviz_is_off_unless_it_is_asked_for(start):
    for use_rviz in (None, 'true'):
        context, _, rviz = start(use_rviz=use_rviz)
        assert rviz.condition.evaluate(context) == (use_rviz == 'true')


def test_rviz_shows_topics_that_the_launch_file_knows():
    config = yaml.safe_load((ROOT / 'config' / 'vggt.rviz').read_text())
    shown = {
        display['Topic']['Value']
        for display in config['Visualization Manager']['Displays']
        if 'Topic' in display
    }
    text = (ROOT / 'launch' / 'vggt.launch.py').read_text()
    assert shown
    assert all(f"'{topic.removeprefix('/vggt/')}'" in text for topic in shown)


def test_several_cameras_are_a_list_of_topics(start):
    context, node, _ = start(image_topic='/left/image_raw, /right/image_raw')
    assert remappings(context, node) == {
        'image_0': '/left/image_raw',
        'image_1': '/right/image_raw',
        'camera_info_0': '/left/camera_info',
        'camera_info_1': '/right/camera_info',
    }


def test_every_camera_has_a_calibration_or_none(start):
    with pytest.raises(RuntimeError, match='2 image topics and 1 camera_info topics'):
        start(image_topic='/left/image,/right/image', camera_info_topic='/left/camera_info')


@pytest.mark.parametrize('chosen', [None, 'mine.xml'])
def test_the_node_has_the_profile_for_large_messages_unless_the_user_chose(
    start, monkeypatch, chosen
):
    for name in PROFILE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv('FASTDDS_BUILTIN_TRANSPORTS', raising=False)
    monkeypatch.delenv('RMW_IMPLEMENTATION', raising=False)
    if chosen:
        monkeypatch.setenv('FASTDDS_DEFAULT_PROFILES_FILE', chosen)
    context, node, _ = start()
    given = {
        utilities.perform_substitutions(
            context, utilities.normalize_to_list_of_substitutions(k)
        ): (
            utilities.perform_substitutions(
                context, utilities.normalize_to_list_of_substitutions(value)
            )
        )
        for k, value in node.additional_env or []
    }
    profile = str(ROOT / 'config' / 'fastdds_large_data.xml')
    assert list(given.values()) == ([] if chosen else [profile])
    assert set(given) <= set(PROFILE_VARIABLES)


@pytest.mark.parametrize(('word', 'expected'), [('true', True), ('false', False)])
def test_the_node_is_started_again_if_asked(start, word, expected):
    _, node, _ = start(use_respawn=word)
    assert node._ExecuteLocal__respawn is expected
