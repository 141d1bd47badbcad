from vggt_ros.ros.tools.viewer_config import ViewerConfig
from vggt_ros.settings.parameter_tree import iterate_parameters
from vggt_ros.viewer.page_server import DEFAULT_PORT


def test_every_default_is_allowed():
    for name, value, about in iterate_parameters(ViewerConfig()):
        about.check(name, value)
        assert about.read_only


def test_only_this_machine_sees_the_page_and_it_has_no_power_unless_that_is_said():
    config = ViewerConfig()
    assert config.host == '127.0.0.1' and config.port == DEFAULT_PORT
    assert not config.control and not config.tracks
