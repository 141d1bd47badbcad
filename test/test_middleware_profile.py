from pathlib import Path

import pytest

from vggt_ros.middleware_profile import profile_variables

CONFIG = Path(__file__).parents[1] / 'config'
FAST_DDS = {
    'FASTDDS_DEFAULT_PROFILES_FILE': str(CONFIG / 'fastdds_large_data.xml'),
    'FASTRTPS_DEFAULT_PROFILES_FILE': str(CONFIG / 'fastdds_large_data.xml'),
}


@pytest.fixture
def variables(tmp_path):
    def of(rmem_max=33_554_432, **environment):
        limit = tmp_path / 'rmem_max'
        limit.write_text(f'{rmem_max}\n')
        return profile_variables(environment, CONFIG, folder=tmp_path, socket_limit=limit)

    return of


@pytest.mark.parametrize('middleware', [{}, {'RMW_IMPLEMENTATION': 'rmw_fastrtps_cpp'}])
def test_fast_dds_gets_its_profile(variables, middleware):
    assert variables(**middleware) == FAST_DDS
    assert all(Path(path).is_file() for path in FAST_DDS.values())


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
