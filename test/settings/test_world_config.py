import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.settings.world_config import FrameSettings, OccupancySettings


def test_two_frames_can_not_have_one_name():
    with pytest.raises(ConfigError, match=r"must differ; got 'map', 'map', 'base_link'"):
        FrameSettings(odom='map')


def test_obstacles_lie_between_two_heights():
    with pytest.raises(ConfigError, match=r'max_height must be above .* \(2\); got 1'):
        OccupancySettings(min_height=2.0, max_height=1.0)


def test_frames_have_no_leading_slash_as_in_tf2(caplog):
    found = FrameSettings(map='/map', camera='/cam_optical')
    assert (found.map, found.camera) == ('map', 'cam_optical')
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "frames.map is '/map'" in said[0]
    with pytest.raises(ConfigError, match='must differ'):
        FrameSettings(odom='/map')
