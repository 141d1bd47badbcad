from vggt_ros.ros.tools.player_config import PlayerConfig
from vggt_ros.settings.parameter_tree import iterate_parameters


def test_every_default_is_allowed():
    for name, value, about in iterate_parameters(PlayerConfig()):
        about.check(name, value)


def test_nothing_changes_while_it_plays():
    assert all(about.read_only for _, _, about in iterate_parameters(PlayerConfig()))
