import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.settings.input_config import InputSettings, SyncSettings


def test_sets_can_not_need_more_cameras_than_there_are():
    with pytest.raises(ConfigError, match=r'min_cameras must be in 0..2 .*; got 3'):
        InputSettings(num_cameras=2, sync=SyncSettings(min_cameras=3))


@pytest.mark.parametrize(('given', 'least'), [(0, 4), (3, 3)])
def test_no_number_means_all_cameras(given, least):
    settings = InputSettings(num_cameras=4, sync=SyncSettings(min_cameras=given))
    assert settings.min_cameras == least
