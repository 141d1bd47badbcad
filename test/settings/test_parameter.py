from dataclasses import dataclass, field, fields

import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.settings.parameter import Parameter, parameter, parameter_of


@dataclass(frozen=True)
class Settings:
    speed: float = parameter(1.5, 'How fast.', unit='m/s', minimum=0, maximum=3)
    plain: int = field(default=2)


def test_a_setting_is_a_field_with_its_default():
    assert Settings().speed == 1.5
    assert Settings(speed=2.0).speed == 2.0


def test_what_is_known_about_a_setting_is_found_at_its_field():
    speed, plain = fields(Settings)
    about = parameter_of(speed.metadata)
    assert about == Parameter(description='How fast.', unit='m/s', minimum=0, maximum=3)
    assert parameter_of(plain.metadata) is None


@pytest.mark.parametrize('value', [0, 0.0, 3, 2.5])
def test_values_up_to_the_limits_are_allowed(value):
    Parameter(description='', minimum=0, maximum=3).check('speed', value)


@pytest.mark.parametrize('value', [-1, 3.01, float('nan'), float('inf')])
def test_values_beyond_the_limits_are_refused_with_the_limits(value):
    with pytest.raises(ConfigError, match=r'speed must be in 0\.\.3; got'):
        Parameter(description='', minimum=0, maximum=3).check('speed', value)


def test_without_limits_every_finite_number_is_allowed():
    about = Parameter(description='')
    about.check('speed', -1e300)
    with pytest.raises(ConfigError, match='speed'):
        about.check('speed', float('inf'))


def test_only_choices_are_allowed_and_named():
    about = Parameter(description='', choices=('crop', 'pad'))
    about.check('mode', 'pad')
    with pytest.raises(ConfigError, match="mode must be one of crop, pad; got 'stretch'"):
        about.check('mode', 'stretch')


@pytest.mark.parametrize('value', [True, False, 'text', ''])
def test_switches_and_texts_have_no_limits(value):
    Parameter(description='', minimum=5, maximum=6).check('name', value)
