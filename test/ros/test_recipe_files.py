"""Recipes of launch/ and config/: their topics and settings are the node's, and the names of other
packages are those that they publish."""

import ast
from pathlib import Path

import pytest
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
import yaml

from tools.launch_arguments import launch_arguments
from vggt_ros.ros.middleware.qos_events import QosEvents
from vggt_ros.ros.middleware.topic_types import type_name
from vggt_ros.ros.output.publishers import Publishers
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.live_config import LiveConfig
from vggt_ros.settings.parameter_tree import iterate_parameters, with_values

pytestmark = pytest.mark.ros
ROOT = Path(__file__).parents[2]
RECIPES = sorted((ROOT / 'launch').glob('recipe_*.launch.py'))
OURS = sorted((ROOT / 'config').glob('recipe_*.yaml'))
NAV2 = yaml.safe_load((ROOT / 'config' / 'recipe_nav2.yaml').read_text())
# nav2_costmap_2d of Jazzy: its documentation, and the declarations in its sources (2026-08).
COSTMAP = {
    *('global_frame', 'robot_base_frame', 'rolling_window', 'width', 'height', 'resolution'),
    *('robot_radius', 'transform_tolerance', 'plugins', 'track_unknown_space'),
}
OBSERVATION = {
    *('topic', 'sensor_frame', 'observation_persistence', 'expected_update_rate', 'data_type'),
    *('min_obstacle_height', 'max_obstacle_height', 'inf_is_valid', 'marking', 'clearing'),
    *('obstacle_max_range', 'obstacle_min_range', 'raytrace_max_range', 'raytrace_min_range'),
}
LAYERS = {
    'nav2_costmap_2d::VoxelLayer': {
        *('enabled', 'footprint_clearing_enabled', 'min_obstacle_height', 'max_obstacle_height'),
        *('z_voxels', 'origin_z', 'z_resolution', 'unknown_threshold', 'mark_threshold'),
        *('combination_method', 'publish_voxel_map', 'observation_sources'),
    },
    'nav2_costmap_2d::StaticLayer': {
        *('enabled', 'subscribe_to_updates', 'map_subscribe_transient_local', 'map_topic'),
        'footprint_clearing_enabled',
    },
    'nav2_costmap_2d::InflationLayer': {
        *('enabled', 'inflation_radius', 'cost_scaling_factor', 'inflate_unknown'),
        'inflate_around_unknown',
    },
}
# rtabmap_launch/launch/rtabmap.launch.py of rtabmap_ros (2026).
RTABMAP = {
    *('rgb_topic', 'depth_topic', 'camera_info_topic', 'visual_odometry', 'approx_sync', 'qos'),
    *('topic_queue_size', 'sync_queue_size', 'rtabmap_viz', 'frame_id', 'odom_frame_id'),
}


def flat(tree, prefix=''):
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f'{prefix}{name}.')
        else:
            yield f'{prefix}{name}', value


def settings_of(path):
    return dict(flat(yaml.safe_load(path.read_text())['/**/vggt']['ros__parameters']))


def passed_to_vggt(path):
    """Names that a recipe gives to vggt.launch.py, written there or passed on."""
    tree = ast.parse(path.read_text())
    passed = next(
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == 'PASSED_ON'
    )
    names = {key.value for key in passed.keys}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and 'vggt.launch.py' in ast.unparse(node):
            for word in node.keywords:
                # A dict with names, or one that is made of PASSED_ON alone.
                for each in ast.walk(word.value) if word.arg == 'launch_arguments' else ():
                    if isinstance(each, ast.Dict):
                        names |= {key.value for key in each.keys if key is not None}
    return names


@pytest.fixture
def published(make_node):
    node = make_node('vggt')
    config = with_values(VggtConfig(), settings_of(ROOT / 'config' / 'recipe_nav2.yaml'))
    Publishers(node, LiveConfig(config), QosEvents(print))
    return {each.topic_name: each for each in node.publishers}


@pytest.mark.parametrize('path', RECIPES, ids=lambda path: path.name)
def test_a_recipe_gives_arguments_that_the_launch_file_of_the_node_takes(path):
    known = {each.name for each in launch_arguments(ROOT / 'launch' / 'vggt.launch.py')}
    names = passed_to_vggt(path)
    assert 'image_topic' in names
    assert names <= known


@pytest.mark.parametrize('path', OURS, ids=lambda path: path.name)
def test_settings_of_a_recipe_reach_a_node_in_any_namespace(make_node, path):
    settings = settings_of(path)
    with_values(VggtConfig(), settings)

    def declaring(name, **words):
        given = {**words, 'automatically_declare_parameters_from_overrides': True}
        return Node(name, namespace='robot1', **given)

    node = make_node('vggt', '--params-file', str(path), kind=declaring)
    assert {name: node.get_parameter(name).value for name in settings} == settings


def test_the_node_of_the_recipe_for_nav2_fits_to_it():
    values = {
        name: value
        for name, value, _ in iterate_parameters(
            with_values(VggtConfig(), settings_of(ROOT / 'config' / 'recipe_nav2.yaml'))
        )
    }
    assert values['occupancy.enable']
    assert values['scale.require_metric']
    local = NAV2['local_costmap']['local_costmap']['ros__parameters']
    overall = NAV2['global_costmap']['global_costmap']['ros__parameters']
    assert local['global_frame'] == values['frames.odom']
    assert overall['global_frame'] == values['frames.map']
    assert {local['robot_base_frame'], overall['robot_base_frame']} == {values['frames.base']}
    assert overall['resolution'] == values['occupancy.resolution']
    assert local['camera']['points']['obstacle_max_range'] <= values['cloud.max_depth']


@pytest.mark.parametrize('name', ['local_costmap', 'global_costmap'])
def test_parameters_of_a_costmap_are_those_that_nav2_documents(name, published):
    settings = NAV2[name][name]['ros__parameters']
    layers = set(settings['plugins'])
    assert layers <= set(settings)
    assert set(settings) - layers <= COSTMAP
    for layer in layers:
        given = settings[layer]
        known = LAYERS[given['plugin']]
        sources = set(given.get('observation_sources', '').split())
        assert set(given) - sources - {'plugin'} <= known, layer
        for source in sources:
            assert set(given[source]) <= OBSERVATION
            publisher = published[given[source]['topic']]
            assert type_name(publisher.msg_type).endswith(given[source]['data_type'])
        if 'map_topic' in given:
            publisher = published[given['map_topic']]
            assert type_name(publisher.msg_type) == 'nav_msgs/msg/OccupancyGrid'
            is_latched = publisher.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
            assert given['map_subscribe_transient_local'] == is_latched
            assert publisher.qos_profile.reliability == ReliabilityPolicy.RELIABLE
            assert publisher.qos_profile.depth == 1
            if given['subscribe_to_updates']:
                updates = published[f'{given["map_topic"]}_updates']
                assert type_name(updates.msg_type) == 'map_msgs/msg/OccupancyGridUpdate'
                assert updates.qos_profile.reliability == ReliabilityPolicy.RELIABLE


def test_the_voxels_of_the_local_costmap_reach_over_its_obstacles():
    camera = NAV2['local_costmap']['local_costmap']['ros__parameters']['camera']
    points = camera['points']
    assert camera['z_voxels'] <= 16  # bits of a column of Nav2's voxel grid
    top = camera['origin_z'] + camera['z_voxels'] * camera['z_resolution']
    assert top >= camera['max_obstacle_height'] >= points['max_obstacle_height']
    assert points['max_obstacle_height'] > points['min_obstacle_height'] >= camera['origin_z']
    # What is taken away by a ray is seen by one at least as long as what is marked.
    assert points['raytrace_max_range'] >= points['obstacle_max_range']
    assert points['raytrace_min_range'] <= points['obstacle_min_range']


def test_rtabmap_is_given_an_rgbd_camera_by_arguments_that_it_has(published):
    tree = ast.parse((ROOT / 'launch' / 'recipe_rtabmap.launch.py').read_text())
    (given,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == 'RTABMAP'
    )
    assert set(given) | {'frame_id', 'odom_frame_id'} <= RTABMAP
    kinds = {
        name: type_name(published[given[name]].msg_type)
        for name in ('rgb_topic', 'depth_topic', 'camera_info_topic')
    }
    assert kinds == {
        'rgb_topic': 'sensor_msgs/msg/Image',
        'depth_topic': 'sensor_msgs/msg/Image',
        'camera_info_topic': 'sensor_msgs/msg/CameraInfo',
    }
    # All frames of a window come at once.
    settings = VggtConfig().window
    assert int(given['sync_queue_size']) >= settings.size - settings.overlap
    assert given['approx_sync'] == 'false'
