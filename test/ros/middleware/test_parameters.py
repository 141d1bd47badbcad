import pytest
from rclpy.node import Node
from rclpy.parameter import Parameter

from vggt_ros.errors import ConfigError
from vggt_ros.ros.middleware.parameters import ParameterServer
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import iterate_parameters


@pytest.fixture
def declared(make_node):
    def make(*words):
        node, changes = make_node('parameters_test', *words, kind=Node), []
        return node, ParameterServer(node, VggtConfig(), changes.append), changes

    return make


def set_all(node, **values):
    named = {name.replace('__', '.'): value for name, value in values.items()}
    return node.set_parameters_atomically([Parameter(n, value=v) for n, v in named.items()])


def test_every_setting_is_declared_with_its_default(declared):
    node, server, _ = declared()
    assert server.config == VggtConfig()
    for name, value, _ in iterate_parameters(VggtConfig()):
        assert node.get_parameter(name).value == value


@pytest.mark.parametrize('name', [name for name, _, _ in iterate_parameters(VggtConfig())])
def test_every_descriptor_tells_what_the_tree_knows(declared, name):
    node, _, _ = declared()
    (about,) = [about for each, _, about in iterate_parameters(VggtConfig()) if each == name]
    descriptor = node.describe_parameter(name)
    assert descriptor.description.startswith(about.description)
    assert (about.unit or '') in descriptor.description
    assert descriptor.read_only == about.read_only
    assert all(choice in descriptor.additional_constraints for choice in about.choices)
    ranges = [*descriptor.integer_range, *descriptor.floating_point_range]
    assert [(r.from_value, r.to_value) for r in ranges] == (
        [] if about.minimum is None else [(about.minimum, about.maximum)]
    )


def test_a_whole_number_is_taken_for_a_number(declared):
    node, server, _ = declared('-p', 'window.max_wait:=3')
    assert server.config.window.max_wait == 3.0
    assert node.get_parameter('window.max_wait').type_ == Parameter.Type.DOUBLE


def test_parameters_of_rclpy_are_left_alone(declared):
    declared('-p', 'use_sim_time:=true', '-p', 'qos_overrides./x.publisher.depth:=3')


@pytest.mark.parametrize(
    ('argument', 'words'),
    [
        ('window.sise:=3', 'window.sise'),
        ('window.size:=300', r'window.size must be in 2..64; got 300'),
        ('autostart:=3', 'autostart must be of type bool'),
    ],
)
def test_what_is_given_wrongly_is_refused(declared, argument, words):
    with pytest.raises(ConfigError, match=words):
        declared('-p', argument)


def test_an_accepted_change_is_handed_on_as_a_whole(declared):
    node, server, changes = declared()
    assert set_all(node, cloud__edge_rtol=0.1, path__max_size=7).successful
    assert [(c.cloud.edge_rtol, c.path.max_size) for c in changes] == [(0.1, 7)]
    assert server.config is changes[0]


def test_of_several_changes_all_or_none_are_made(declared):
    node, server, changes = declared()
    result = set_all(node, cloud__edge_rtol=0.1, cloud__confidence_mode='guess')
    assert not result.successful
    assert 'percentile, absolute' in result.reason
    assert server.config == VggtConfig()
    assert not changes
    assert node.get_parameter('cloud.edge_rtol').value == VggtConfig().cloud.edge_rtol


def test_a_value_that_is_there_already_is_no_change(declared):
    node, _, changes = declared()
    assert set_all(node, path__max_size=VggtConfig().path.max_size).successful
    assert not changes
