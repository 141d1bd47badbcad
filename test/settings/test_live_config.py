from dataclasses import replace

import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.live_config import LiveConfig


def test_all_who_share_it_see_the_settings_in_force():
    before = VggtConfig()
    shared = LiveConfig(before)
    after = replace(before, map=replace(before.map, max_points=1000))
    shared.change(after)
    assert shared.value is after
    assert before.map.max_points != 1000, 'who took the old ones has them unchanged'


def test_what_cannot_change_is_refused_and_nothing_is_taken():
    before = VggtConfig()
    shared = LiveConfig(before)
    window = replace(before.window, size=before.window.size + 1)
    with pytest.raises(ConfigError, match=r'window\.size'):
        shared.change(replace(before, window=window, map=replace(before.map, max_points=1000)))
    assert shared.value is before
