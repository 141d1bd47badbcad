from dataclasses import FrozenInstanceError, is_dataclass

import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.settings.config import VggtConfig, WindowSettings
from vggt_ros.settings.parameter_tree import iterate_parameters, with_values

SETTINGS = list(iterate_parameters(VggtConfig()))


@pytest.mark.parametrize(('name', 'value', 'about'), SETTINGS, ids=[name for name, *_ in SETTINGS])
def test_every_default_is_allowed_and_described(name, value, about):
    about.check(name, value)
    assert about.description.endswith('.')
    assert not is_dataclass(value)


def test_names_are_dotted_paths_and_unique():
    names = [name for name, *_ in SETTINGS]
    assert len(set(names)) == len(names)
    assert {'autostart', 'window.size', 'cloud.edge_rtol'} <= set(names)


def test_a_window_must_bring_a_new_frame():
    with pytest.raises(ConfigError, match=r'window\.overlap must be in 1\.\.7'):
        WindowSettings(size=8, overlap=8)
    with pytest.raises(ConfigError, match=r'window\.overlap'):
        with_values(VggtConfig(), {'window.size': 4})


def test_settings_can_not_be_changed_in_place():
    with pytest.raises(FrozenInstanceError):
        VggtConfig().autostart = False


def test_several_cameras_can_not_have_one_frame():
    with pytest.raises(ConfigError, match=r'frames\.camera .*let the drivers'):
        with_values(VggtConfig(), {'frames.camera': 'eye', 'input.num_cameras': 2})
    assert with_values(VggtConfig(), {'frames.camera': 'eye'}).frames.camera == 'eye'
