import pytest

from vggt_ros.ros.tf_mode import choose_tf_mode, UNDECIDED


@pytest.mark.parametrize(
    ('has_odom', 'has_base', 'mode'),
    [
        (True, True, 'map_to_odom'),
        (True, False, 'map_to_odom'),
        (False, True, 'map_to_base'),
        (False, False, 'map_to_camera'),
    ],
)
def test_auto_takes_the_most_that_the_robot_has(has_odom, has_base, mode):
    assert choose_tf_mode('auto', has_odom=has_odom, has_base=has_base) == mode


@pytest.mark.parametrize('requested', ['map_to_odom', 'map_to_base'])
def test_what_was_asked_for_is_waited_for(requested):
    assert choose_tf_mode(requested, has_odom=False, has_base=False) == UNDECIDED
    assert choose_tf_mode(requested, has_odom=True, has_base=True) == requested


@pytest.mark.parametrize('requested', ['map_to_camera', 'none'])
def test_what_needs_nothing_is_decided_at_once(requested):
    assert choose_tf_mode(requested, has_odom=False, has_base=False) == requested
