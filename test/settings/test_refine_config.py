import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.settings.refine_config import RefineSettings


def test_images_are_asked_by_default():
    assert RefineSettings().verifies


@pytest.mark.parametrize('mode', ['verify', 'poses', 'depth'])
def test_images_are_asked_in_every_mode_but_off(mode):
    assert RefineSettings(mode=mode).verifies
    assert not RefineSettings(mode='off').verifies


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('refine.mode', 'full'),
        ('refine.max_features', 50),
        ('refine.tracks', 'network'),
        ('refine.budget_ms', 0),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(name, value):
    with pytest.raises(ConfigError, match=name):
        with_values(VggtConfig(), {name: value})


def test_the_tracker_is_asked_only_if_images_are_and_it_is_wanted():
    assert not RefineSettings().asks_tracker
    assert RefineSettings(tracks='both').asks_tracker
    assert not RefineSettings(tracks='both', mode='off').asks_tracker
