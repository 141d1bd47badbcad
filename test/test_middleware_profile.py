from pathlib import Path

import pytest

from vggt_ros.middleware_profile import profile_variables

CONFIG = Path(__file__).parents[1] / 'config'
PROFILE = CONFIG / 'fastdds_large_data.xml'


@pytest.fixture
def variables(tmp_path):
    def of(rmem_max=33_554_432, **environment):
        limit = tmp_path / 'rmem_max'
        limit.write_text(f'{rmem_max}\n')
        return profile_variables(environment, CONFIG, folder=tmp_path, socket_limit=limit)

    return of


@pytest.mark.parametrize('middleware', [{}, {'RMW_IMPLEMENTATION': 'rmw_fastrtps_cpp'}])
@pytest.mark.parametrize(
    ('distribution', 'name'),
    [
        (None, 'FASTDDS_DEFAULT_PROFILES_FILE'),
        ('humble', 'FASTRTPS_DEFAULT_PROFILES_FILE'),
        ('jazzy', 'FASTRTPS_DEFAULT_PROFILES_FILE'),
        ('kilted', 'FASTDDS_DEFAULT_PROFILES_FILE'),
    ],
)
def test_fast_dds_gets_its_profile_by_the_name_it_knows(variables, middleware, distribution, name):
    words = middleware if distribution is None else {'ROS_DISTRO': distribution, **middleware}
    assert variables(**words) == {name: str(PROFILE)}
    assert PROFILE.is_file()


@pytest.mark.parametrize(
    'choice',
    [
        {'FASTDDS_DEFAULT_PROFILES_FILE': 'mine.xml'},
        {'FASTRTPS_DEFAULT_PROFILES_FILE': 'mine.xml'},
        {'FASTDDS_BUILTIN_TRANSPORTS': 'LARGE_DATA'},
        {'RMW_IMPLEMENTATION': 'rmw_cyclonedds_cpp', 'CYCLONEDDS_URI': 'file:///mine.xml'},
        {'RMW_IMPLEMENTATION': 'rmw_zenoh_cpp'},
    ],
)
def test_what_the_user_chose_is_left_alone(variables, choice):
    assert variables(**choice) == {}


@pytest.mark.parametrize('name', ['DEFAULT_FASTDDS_PROFILES.xml', 'DEFAULT_FASTRTPS_PROFILES.xml'])
def test_a_profile_where_the_process_starts_is_a_choice(variables, tmp_path, name):
    (tmp_path / name).touch()
    assert variables() == {}


def test_cyclone_dds_gets_its_profile_where_it_starts_with_it(variables):
    cyclone = {'RMW_IMPLEMENTATION': 'rmw_cyclonedds_cpp'}
    assert variables(**cyclone) == {'CYCLONEDDS_URI': f'file://{CONFIG / "cyclonedds.xml"}'}
    assert variables(rmem_max=212_992, **cyclone) == {}
