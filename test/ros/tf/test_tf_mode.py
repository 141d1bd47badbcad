import pytest

from vggt_ros.ros.tf.tf_mode import choose_tf_mode, TfKnowledge, UNDECIDED


def known(*words):
    """What is known: odom, base, or that they are sent."""
    return TfKnowledge(
        has_odom='odom' in words,
        has_base='base' in words,
        odom_is_sent={'odom', 'odom_is_sent'} & {*words} != set(),
        base_is_sent={'base', 'base_is_sent'} & {*words} != set(),
    )


NOTHING, MOUNT, ALL = known(), known('base'), known('odom', 'base')


@pytest.mark.parametrize(
    ('knowledge', 'mode'),
    [
        (ALL, 'map_to_odom'),
        (known('odom'), 'map_to_odom'),
        (MOUNT, 'map_to_base'),
        (NOTHING, 'map_to_camera'),
    ],
)
def test_auto_takes_the_most_that_the_robot_has(knowledge, mode):
    assert choose_tf_mode('auto', knowledge) == mode


@pytest.mark.parametrize('knowledge', [known('base', 'odom_is_sent'), known('base_is_sent')])
def test_a_frame_that_has_a_parent_at_other_stamps_is_not_given_another(knowledge):
    for current in (UNDECIDED, 'map_to_camera', 'map_to_base'):
        assert choose_tf_mode('auto', knowledge, current) == UNDECIDED


@pytest.mark.parametrize(
    ('current', 'knowledge', 'mode'),
    [
        ('map_to_camera', MOUNT, 'map_to_base'),
        ('map_to_camera', ALL, 'map_to_odom'),
        ('map_to_base', ALL, 'map_to_odom'),
        ('map_to_base', NOTHING, 'map_to_base'),
        ('map_to_odom', MOUNT, 'map_to_odom'),
        ('map_to_odom', known('base', 'odom_is_sent'), 'map_to_odom'),
        ('map_to_odom', NOTHING, 'map_to_odom'),
    ],
)
def test_auto_goes_up_when_more_is_known_and_never_down(current, knowledge, mode):
    assert choose_tf_mode('auto', knowledge, current) == mode


@pytest.mark.parametrize('requested', ['map_to_odom', 'map_to_base'])
def test_what_was_asked_for_is_waited_for_and_kept(requested):
    assert choose_tf_mode(requested, NOTHING) == UNDECIDED
    assert choose_tf_mode(requested, ALL) == requested
    assert choose_tf_mode(requested, NOTHING, requested) == requested


@pytest.mark.parametrize('requested', ['map_to_camera', 'none'])
def test_what_needs_nothing_is_decided_at_once(requested):
    assert choose_tf_mode(requested, NOTHING) == requested
