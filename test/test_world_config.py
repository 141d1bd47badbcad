import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.world_config import FrameSettings, OccupancySettings


def test_two_frames_can_not_have_one_name():
    with pytest.raises(ConfigError, match=r"must differ; got 'map', 'map', 'base_link'"):
        FrameSettings(odom='map')


def test_obstacles_lie_between_two_heights():
    with pytest.raises(ConfigError, match=r'max_height must be above .* \(2\); got 1'):
        OccupancySettings(min_height=2.0, max_height=1.0)
