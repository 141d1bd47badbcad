import importlib.metadata
from pathlib import Path

import pytest

SOURCED = {'ROS_DISTRO': 'jazzy', 'AMENT_PREFIX_PATH': '/opt/ros/jazzy'}
TESTED = Path(__file__).parents[4] / 'tools' / 'no_ros' / 'environment' / 'constraints.txt'


@pytest.fixture
def ros_choice(load_program):
    return load_program('ros_choice.py')


@pytest.fixture
def everything(ros_choice):
    return {'rclpy', *ros_choice.NEEDED, *ros_choice.REPLACEABLE}


def test_a_sourced_distribution_is_found(ros_choice):
    assert ros_choice.sourced_distribution(SOURCED) == 'jazzy'


@pytest.mark.parametrize('missing', ['ROS_DISTRO', 'AMENT_PREFIX_PATH'])
def test_half_a_distribution_is_none(ros_choice, missing):
    assert ros_choice.sourced_distribution({**SOURCED, missing: ''}) is None
    rest = {name: value for name, value in SOURCED.items() if name != missing}
    assert ros_choice.sourced_distribution(rest) is None


def test_wheels_go_with_no_distribution(ros_choice):
    for wheels in ros_choice.WHEELS:
        ros_choice.check_wheels(wheels, None)
    ros_choice.check_wheels(ros_choice.DEFAULT_WHEELS, 'humble')  # nobody asked for wheels


def test_other_wheels_beside_a_sourced_distribution_are_refused(ros_choice):
    with pytest.raises(Exception, match=r'jazzy are asked for.*humble is sourced.*ROS_WHEELS'):
        ros_choice.check_wheels('jazzy', 'humble')


def test_all_wheels_are_pinned_by_the_same_names(ros_choice):
    pins = [
        {line.split('==')[0] for line in path.read_text().splitlines() if '==' in line}
        for path in (TESTED.parent / f'constraints-{each}.txt' for each in ros_choice.WHEELS)
    ]
    needed = (TESTED.parent / 'requirements-wheels.txt').read_text().split()
    assert all(each == {name for name in needed if name.startswith('ros-')} for each in pins)


def test_a_complete_distribution_lacks_nothing(ros_choice, everything):
    assert ros_choice.check_distribution('jazzy', everything, 'python3') == []


def test_a_distribution_for_another_python_is_refused(ros_choice, everything):
    with pytest.raises(Exception, match=r'/opt/python3 cannot import its rclpy.*make PYTHON='):
        ros_choice.check_distribution('jazzy', everything - {'rclpy'}, '/opt/python3')


def test_vital_packages_are_named(ros_choice, everything):
    with pytest.raises(Exception, match='apt install python3-numpy ros-jazzy-tf2-msgs'):
        ros_choice.check_distribution('jazzy', everything - {'numpy', 'tf2_msgs'}, 'python3')


def test_what_stand_ins_replace_is_only_recommended(ros_choice, everything):
    advice = ros_choice.check_distribution('humble', everything - {'cv_bridge'}, 'python3')
    assert advice == ['ros-humble-cv-bridge']


def test_a_distribution_keeps_its_numpy_and_what_is_compiled_against_it(ros_choice):
    lines = ros_choice.keep(TESTED.read_text(), {'numpy': '1.21.5'}).splitlines()
    pinned = {line.split('==')[0] for line in lines}
    assert 'numpy==1.21.5' in lines
    assert pinned & set(ros_choice.KEPT) == {'numpy'}
    assert {'pytest', 'ruff', 'safetensors'} <= pinned


def test_what_is_kept_is_pinned_elsewhere(ros_choice):
    assert {line.split('==')[0] for line in TESTED.read_text().splitlines()} >= set(
        ros_choice.KEPT
    )


def test_kept_versions_are_those_that_are_installed(ros_choice, monkeypatch):
    def version(name):
        if name != 'numpy':
            raise importlib.metadata.PackageNotFoundError(name)
        return '1.26.4'

    monkeypatch.setattr(ros_choice.importlib.metadata, 'version', version)
    assert ros_choice.kept_versions() == {'numpy': '1.26.4'}
