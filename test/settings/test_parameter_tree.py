import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import (
    check_changes,
    iterate_parameters,
    values_of,
    with_values,
)

SETTINGS = list(iterate_parameters(VggtConfig()))


@pytest.mark.parametrize(('name', 'value', 'about'), SETTINGS, ids=[name for name, *_ in SETTINGS])
def test_every_setting_can_be_named_to_set_it(name, value, about):
    assert with_values(VggtConfig(), {name: value}) == VggtConfig()


def test_values_are_set_by_name_and_the_rest_stays():
    config = VggtConfig()
    changed = with_values(config, {'window.size': 12, 'window.overlap': 6, 'autostart': False})
    assert (changed.window.size, changed.window.overlap, changed.autostart) == (12, 6, False)
    assert changed.window.max_wait == config.window.max_wait
    assert changed.cloud == config.cloud
    assert config == VggtConfig()
    values = values_of(changed)
    assert values['window.size'] == 12
    assert with_values(config, values) == changed


def test_whole_numbers_are_taken_where_a_float_belongs():
    value = with_values(VggtConfig(), {'keyframe.min_parallax': 3}).keyframe.min_parallax
    assert (value, type(value)) == (3.0, float)


@pytest.mark.parametrize(
    ('name', 'value', 'message'),
    [
        ('window.sise', 8, 'there is no parameter window.sise'),
        ('window', 8, 'there is no parameter window'),
        ('window.size', 8.0, 'must be of type int'),
        ('window.size', True, 'must be of type int'),
        ('autostart', 1, 'must be of type bool'),
        ('frames.map', 1, 'must be of type str'),
        ('window.size', 65, r'must be in 2\.\.64; got 65'),
        ('map.voxel_size', float('nan'), r'must be in 0\.001\.\.10'),
        ('tf.mode', 'odom', 'must be one of auto, map_to_odom, map_to_base'),
    ],
)
def test_what_is_wrong_is_refused_and_named(name, value, message):
    with pytest.raises(ConfigError, match=message):
        with_values(VggtConfig(), {name: value})


def test_one_wrong_value_among_good_ones_changes_nothing():
    config = VggtConfig()
    with pytest.raises(ConfigError):
        with_values(config, {'window.max_wait': 5.0, 'window.size': -1})
    assert config == VggtConfig()


def test_settings_that_depend_on_each_other_are_set_together():
    assert with_values(VggtConfig(), {'window.size': 4, 'window.overlap': 2}).window.size == 4


def test_read_only_settings_may_not_differ_later_and_others_may():
    old = VggtConfig()
    check_changes(old, with_values(old, {'keyframe.min_parallax': 3.0}))
    with pytest.raises(ConfigError, match=r'window\.size is taken at start-up'):
        check_changes(old, with_values(old, {'window.size': 12}))


def test_the_word_off_is_a_choice_although_yaml_takes_it_for_a_switch():
    assert with_values(VggtConfig(), {'refine.mode': False}).refine.mode == 'off'
    with pytest.raises(ConfigError, match=r'refine\.mode must be of type str; got True'):
        with_values(VggtConfig(), {'refine.mode': True})
